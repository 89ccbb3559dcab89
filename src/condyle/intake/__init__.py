"""Files -> Study: any study a hospital or a research set sends. Headers first, pixels when asked."""

from condyle.intake.identity import patient_key, study_key
from condyle.intake.loading import load_volume, load_volumes
from condyle.intake.opening import Opened, Part, open_parts, open_studies, open_study

__all__ = ["Opened", "Part", "load_volume", "load_volumes", "open_parts", "open_studies", "open_study", "patient_key", "study_key"]
