"""Letters, colours and paragraph styles of documents on paper. Bitstream Vera comes with reportlab: no font of the system is asked."""

from __future__ import annotations

from typing import Any

from reportlab import rl_config
from reportlab.lib import colors
from reportlab.lib.enums import TA_CENTER
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

INK, SOFT, LINE, PANEL = (colors.HexColor(one) for one in ("#17202b", "#465365", "#ccd4de", "#f4f6f9"))
ABNORMAL, ABNORMAL_TINT = colors.HexColor("#9c3700"), colors.HexColor("#fce8dc")
UNCERTAIN, UNCERTAIN_TINT = colors.HexColor("#6a4f00"), colors.HexColor("#fff2c2")

STYLES: dict[str, ParagraphStyle] = {}


def register_letters() -> None:
    """Make the letters and styles known, once a process."""
    if STYLES:
        return
    rl_config.useA85 = 0  # streams as bytes: spelling them in ASCII takes longer than everything else on the pages
    for name, file in (("Vera", "Vera.ttf"), ("Vera-Bold", "VeraBd.ttf")):
        pdfmetrics.registerFont(TTFont(name, file))
    pdfmetrics.registerFontFamily("Vera", normal="Vera", bold="Vera-Bold", italic="Vera", boldItalic="Vera-Bold")
    body = ParagraphStyle("body", fontName="Vera", fontSize=8, leading=10.6, textColor=INK, spaceAfter=2)
    made: dict[str, dict[str, Any]] = {
        "body": {}, "small": {"fontSize": 7.2, "leading": 9.4, "spaceAfter": 1.5}, "tiny": {"fontSize": 6.4, "leading": 8, "spaceAfter": 0},
        "note": {"fontSize": 6.8, "leading": 8.8, "textColor": SOFT},
        "title": {"fontName": "Vera-Bold", "fontSize": 13.5, "leading": 17}, "name": {"fontName": "Vera-Bold"},
        "section": {"fontName": "Vera-Bold", "fontSize": 10, "leading": 13, "spaceBefore": 8, "spaceAfter": 3},
        "stamp": {"fontName": "Vera-Bold", "textColor": ABNORMAL, "alignment": TA_CENTER},
        "abnormal": {"fontName": "Vera-Bold", "textColor": ABNORMAL}, "uncertain": {"fontName": "Vera-Bold", "textColor": UNCERTAIN},
        "gap": {"fontName": "Vera-Bold"}, "head": {"fontName": "Vera-Bold", "fontSize": 6, "leading": 7.4, "alignment": TA_CENTER},
        "cell": {"fontSize": 7.4, "leading": 9, "alignment": TA_CENTER, "spaceAfter": 0},
    }  # fmt: skip
    STYLES.update({name: ParagraphStyle(name, body, **changed) for name, changed in made.items()})
