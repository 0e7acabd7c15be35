"""Pictures for the patch encoder, drawn by hand: unlike any that it was trained on."""

from PIL import Image, ImageDraw, ImageFont

SIZE = (850, 1100)
BARS = (120, 210, 720, 560)  # left, top, right, bottom of the drawn chart
ROWS = (120, 640, 730, 960)  # of the drawn table
LINE = "Operating costs grew more slowly than sales did in the year."
HEIGHTS = (0.25, 0.4, 0.35, 0.6, 0.75, 0.95)


def blank_page() -> Image.Image:
    return Image.new("RGB", SIZE, "white")


def page_of_text() -> Image.Image:
    page = blank_page()
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(15)
    line = "Net income rose because services sold well in every region of the country this year."
    for i in range(45):
        draw.text((110, 100 + i * 20), line[: 60 + (i * 7) % 25], "black", font)
    return page


def page_with_bars() -> Image.Image:
    page = blank_page()
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(15)
    left, top, right, bottom = BARS
    draw.text((120, 120), "Sales by year were as follows.", "black", font)
    draw.line((left, top, left, bottom, right, bottom), "black", 2)
    step = (right - left) / len(HEIGHTS)
    for i, share in enumerate(HEIGHTS):
        x = left + step * (i + 0.25)
        box = (x, bottom - share * (bottom - top), x + step * 0.5, bottom)
        draw.rectangle(box, (40, 90, 170))
        draw.text((x, bottom + 6), str(2018 + i), "black", font)
    for i in range(5):
        y = bottom - i * (bottom - top) / 5
        draw.text((left - 34, y - 8), str(i * 20), "black", font)
    for i in range(12):
        draw.text((120, 640 + i * 20), LINE,
                  "black", font)  # fmt: skip
    return page


def page_with_table() -> Image.Image:
    page = blank_page()
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(15)
    for i in range(20):
        draw.text((120, 120 + i * 22), LINE,
                  "black", font)  # fmt: skip
    left, top, right, bottom = ROWS
    for i in range(11):
        y = top + i * (bottom - top) / 10
        draw.line((left, y, right, y), "black", 1)
        if i < 10:
            draw.text((left + 6, y + 6), ("Cash", "Debt", "Land", "Tools")[i % 4], "black", font)
            for j in range(1, 5):
                x = left + j * (right - left) / 5
                draw.text((x + 20, y + 6), f"{(i + 3) * (j + 7) * 37:,}", "black", font)
    for j in range(6):
        x = left + j * (right - left) / 5
        draw.line((x, top, x, bottom), "black", 1)
    return page
