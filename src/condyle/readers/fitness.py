"""Whether a whole package can read: what it says of itself, held against the catalogue, the steps and its own graphs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from condyle.anatomy import JOINTS
from condyle.errors import CondyleError, PackageError
from condyle.prepare import check_steps
from condyle.readers.fitted_on import fitted_on
from condyle.readers.grades import step_of
from condyle.readers.onnx import graph_names
from condyle.readers.package import Package

CARD, METRICS = "card.md", "metrics.json"


def faults_of(package: Package, build: Callable[[], None]) -> tuple[str, ...]:
    """Everything that keeps a verified package from reading, one sentence each; empty when nothing does.

    Parameters
    ----------
    build : makes the family's reader and opens its graphs; raises CondyleError when they do not fit
    """
    found = [*_of_catalogue(package), *check_steps(package.spec.prepare), *_of_papers(package)]
    try:
        fitted_on(package)
    except PackageError as error:
        found.append(f"{error.what} {error.why}")
    unsound = tuple(_of_graphs(package))
    if not unsound:  # else the family would only say the same of them
        try:
            build()
        except CondyleError as error:
            found.append(" ".join(part for part in (error.what, error.why) if part))
    return (*found, *unsound)


def _of_catalogue(package: Package) -> Iterator[str]:
    spec = package.spec
    if not spec.slots:
        yield "It has no slot, so no series could be read."
    if not spec.findings:
        yield "It gives no finding."
    joint = JOINTS.get(spec.joint)
    if joint is None:
        yield f"There is no joint {spec.joint!r} in the catalogue."
    elif unknown := sorted(set(spec.findings) - {entry.name for entry in joint.findings}):
        yield f"The catalogue of the joint {joint.name!r} has no finding {', '.join(unknown)}."
    else:
        binary = [entry.name for entry in joint.findings if entry.kind == "binary" and entry.name in spec.findings]
        if unbounded := [name for name in binary if name not in {_finding(key) for key in spec.thresholds}]:
            yield f"It has no threshold from which it calls present: {', '.join(unbounded)}."
    for title, named in (("threshold", spec.thresholds), ("calibration", spec.calibration)):
        if strangers := sorted(name for name in named if _finding(name) not in spec.findings):
            yield f"It has a {title} of what it does not give: {', '.join(strangers)}."


def _finding(name: str) -> str:
    """'meniscal_tear' of 'meniscal_tear/medial', 'grade' of 'grade>=2'."""
    return step_of(name)[0].partition("/")[0]


def _of_papers(package: Package) -> Iterator[str]:
    """A package without its card and measured figures is used blindly."""
    for name in (CARD, METRICS):
        if not package.files.get(name, b"").strip():
            yield f"It has no {name}."
    try:
        metrics = json.loads(package.files.get(METRICS, b"") or b"{}")
    except (ValueError, RecursionError):
        metrics = None
    if not isinstance(metrics, dict):
        yield f"Its {METRICS} is no JSON object."


def _of_graphs(package: Package) -> Iterator[str]:
    for name, graph in package.spec.graphs.items():
        try:
            inputs, outputs = graph_names(package.graph(name), name)
        except PackageError as error:
            yield error.what
            continue
        if set(inputs) != set(graph.inputs):
            yield f"The graph {name!r} takes {', '.join(inputs)}, and not {', '.join(graph.inputs)} as package.yaml says."
        if missing := sorted(set(graph.outputs) - set(outputs)):
            yield f"The graph {name!r} has no output {', '.join(missing)}."
