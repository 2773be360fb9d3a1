"""Draws docs/styles.png, a row of digits for each of the styles made by rule."""

import sys
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lrcore.styles import sheet

Image.fromarray(sheet()).save(Path(__file__).with_name("styles.png"), optimize=True)
