"""A five-page annual report: cover, letter with a chart, accounts, works, wildlife."""

from pathlib import Path

from palette import (
    BRICK,
    CHALK,
    DUSK,
    LAMP,
    LEFT,
    NIGHT,
    PAGE,
    RIGHT,
    SEA,
    SLATE,
    STONE,
    beam,
    heading,
    paragraph,
    subheading,
    tower,
)
from reportlab.lib.colors import HexColor
from reportlab.pdfgen.canvas import Canvas

MONTHS = ("May", "June", "July", "August", "September")
VISITORS = (812, 1_204, 1_689, 1_940, 767)
YEARS = tuple(range(2016, 2025))
PUFFINS = (41, 44, 39, 47, 52, 58, 55, 63, 71)
BRIEF = (
    ("6,412", "visitors"),
    ("366", "nights lit"),
    ("9,870", "hours given"),
    ("71", "puffin pairs"),
)
INCOME = (
    ("Boat fares and tickets", "118,622", "104,310"),
    ("Members' subscriptions", "46,180", "44,905"),
    ("Legacy of the late harbour master", "30,000", "0"),
    ("Shop and tea room", "21,437", "19,866"),
)
SPENDING = (
    ("Works on the tower", "42,575", "28,140"),
    ("The Marigold: fuel, crew, mooring", "57,904", "55,218"),
    ("Stores, coal and provisions", "18,266", "17,930"),
    ("Insurance", "23,110", "19,475"),
    ("Paid into the lens fund", "40,000", "15,000"),
)
WORKS = (
    ("Fog signal: new air compressor", "April", "18,450"),
    ("Lens turntable: bearings and mercury bath", "May", "7,920"),
    ("Gallery railing, landward side", "June", "3,640"),
    ("Lantern: four of 36 panes", "July", "5,275"),
    ("Cistern relined", "August", "2,980"),
    ("Marigold: engine overhaul", "October", "4,310"),
)


def write_report(path: Path) -> None:
    canvas = Canvas(str(path), pagesize=PAGE, invariant=1)
    canvas.setTitle("Skerrin Light Trust: annual report 2024")
    canvas.setAuthor("Skerrin Light Trust")
    for number, page in enumerate((_cover, _letter, _accounts, _works, _wildlife), 1):
        page(canvas)
        if number > 1:
            _footer(canvas, number)
        canvas.showPage()
    canvas.save()


def _cover(canvas: Canvas) -> None:
    canvas.linearGradient(0, PAGE[1], 0, 0, (NIGHT, DUSK, HexColor("#c98a5b")), (0, 0.62, 1))
    for x, y in ((70, 760), (150, 700), (260, 790), (390, 735), (500, 690), (540, 800), (330, 660)):
        canvas.setFillColor(CHALK)
        canvas.circle(x, y, 1.1, stroke=0, fill=1)
    lamp = (400, 196 + 2.0 * 211)
    beam(canvas, lamp, (0, 690, 0, 560), 0.20)
    beam(canvas, lamp, (595, 655, 595, 600), 0.26)
    canvas.setFillColor(SEA)
    canvas.rect(0, 0, PAGE[0], 130, stroke=0, fill=1)
    canvas.setFillColor(NIGHT)
    canvas.ellipse(250, 60, 640, 230, stroke=0, fill=1)
    tower(canvas, 400, 196, 2.0)
    canvas.setFillColor(CHALK)
    canvas.setFont("Helvetica-Bold", 40)
    canvas.drawString(48, 442, "Annual")
    canvas.drawString(48, 398, "report 2024")
    canvas.setFillColor(LAMP)
    canvas.setFont("Helvetica", 15)
    canvas.drawString(50, 366, "Skerrin Light Trust")
    canvas.setFillColor(CHALK)
    canvas.setFont("Helvetica-Oblique", 11)
    canvas.drawString(50, 60, "One white flash every twelve seconds since 1868.")


def _letter(canvas: Canvas) -> None:
    top = heading(canvas, "The year in brief", 760)
    for i, (number, name) in enumerate(BRIEF):
        x = LEFT + i * 120
        canvas.setFillColor(STONE)
        canvas.roundRect(x, top - 50, 110, 62, 6, stroke=0, fill=1)
        canvas.setFillColor(BRICK)
        canvas.setFont("Helvetica-Bold", 22)
        canvas.drawString(x + 12, top - 18, number)
        canvas.setFillColor(SLATE)
        canvas.setFont("Helvetica", 9.5)
        canvas.drawString(x + 12, top - 37, name)
    top = paragraph(
        canvas,
        "Dear friends of the light, we kept it burning on every one of 366 nights. The tower was "
        "open for 61 days, three fewer than we had hoped, because June brought a fortnight of "
        "swell that no sensible person would land in. Those who did come stayed longer and bought "
        "more scones than in any summer before.",
        top - 84,
    )
    top = paragraph(
        canvas,
        "The great event was a sound. In April the fog signal spoke again after two silent years. "
        "Port Aldery complained within the hour, and then wrote to say that it had missed it.",
        top,
    )
    top = subheading(canvas, "Visitors to the tower by month, 2024", top - 14)
    _bars(canvas, top - 210)
    canvas.setFont("Times-Italic", 12)
    canvas.setFillColor(NIGHT)
    canvas.drawString(LEFT, top - 262, "Ilse Corvane, chair, for the keepers")


def _bars(canvas: Canvas, foot: float) -> None:
    canvas.setStrokeColor(STONE)
    canvas.setFont("Helvetica", 8.5)
    for value in (500, 1_000, 1_500, 2_000):
        y = foot + value * 0.095
        canvas.line(LEFT + 34, y, RIGHT, y)
        canvas.setFillColor(SLATE)
        canvas.drawRightString(LEFT + 28, y - 3, f"{value:,}")
    for i, (month, value) in enumerate(zip(MONTHS, VISITORS, strict=True)):
        x = LEFT + 52 + i * 84
        canvas.setFillColor(LAMP if value == max(VISITORS) else SEA)
        canvas.rect(x, foot, 54, value * 0.095, stroke=0, fill=1)
        canvas.setFillColor(NIGHT)
        canvas.drawCentredString(x + 27, foot + value * 0.095 + 5, f"{value:,}")
        canvas.drawCentredString(x + 27, foot - 13, month)
    canvas.setStrokeColor(SLATE)
    canvas.line(LEFT + 34, foot, RIGHT, foot)


def _accounts(canvas: Canvas) -> None:
    top = heading(canvas, "Money", 760)
    top = paragraph(
        canvas,
        "All figures are in crowns. A legacy from the late harbour master, who had disliked the "
        "fog signal all his life, paid for most of its repair.",
        top,
    )
    top = subheading(canvas, "Income", top - 6)
    top = _table(canvas, ("", "2024", "2023"), INCOME, ("Total income", "216,239", "169,081"), top)
    top = subheading(canvas, "Spending", top - 22)
    total = ("Total spending", "181,855", "135,763")
    top = _table(canvas, ("", "2024", "2023"), SPENDING, total, top)
    top = subheading(canvas, "Where a crown goes", top - 22)
    _stack(canvas, top - 22)
    paragraph(
        canvas,
        "The surplus of 34,384 crowns goes to reserves, which now cover eleven months of running "
        "the boat and the tower. The trustees aim for twelve.",
        top - 84,
    )


def _table(
    canvas: Canvas,
    head: tuple[str, ...],
    rows: tuple[tuple[str, ...], ...],
    total: tuple[str, ...],
    top: float,
) -> float:
    top -= 4
    _row(canvas, head, top, "Helvetica-Bold")
    for i, row in enumerate(rows):
        top -= 20
        if i % 2 == 0:
            canvas.setFillColor(HexColor("#f3efe6"))
            canvas.rect(LEFT - 6, top - 6, RIGHT - LEFT + 12, 20, stroke=0, fill=1)
        _row(canvas, row, top, "Helvetica")
    top -= 22
    canvas.setStrokeColor(NIGHT)
    canvas.setLineWidth(0.8)
    canvas.line(LEFT - 6, top + 14, RIGHT + 6, top + 14)
    _row(canvas, total, top, "Helvetica-Bold")
    return top - 12


def _row(canvas: Canvas, cells: tuple[str, ...], y: float, font: str) -> None:
    canvas.setFont(font, 10)
    canvas.setFillColor(NIGHT)
    canvas.drawString(LEFT, y, cells[0])
    canvas.drawRightString(RIGHT - 90, y, cells[1])
    canvas.drawRightString(RIGHT, y, cells[2])


def _stack(canvas: Canvas, y: float) -> None:
    tints = (BRICK, SEA, HexColor("#8fb8c4"), SLATE, LAMP)
    names = ("tower", "boat", "stores", "insurance", "lens fund")
    amounts = [int(row[1].replace(",", "")) for row in SPENDING]
    x = float(LEFT)
    canvas.setFont("Helvetica", 8.5)
    for name, amount, tint in zip(names, amounts, tints, strict=True):
        width = (RIGHT - LEFT) * amount / sum(amounts)
        canvas.setFillColor(tint)
        canvas.rect(x, y, width - 1.5, 22, stroke=0, fill=1)
        canvas.setFillColor(NIGHT)
        canvas.drawString(x, y - 12, name)
        canvas.setFillColor(SLATE)
        canvas.drawString(x, y - 23, f"{100 * amount / sum(amounts):.0f} %")
        x += width


def _works(canvas: Canvas) -> None:
    top = heading(canvas, "Works on the tower and the boat", 760)
    top = paragraph(
        canvas,
        "Six jobs were finished in 2024, all before the equinox gales but the last. Hands came "
        "from Port Aldery where they could be had; the mercury came in a box marked HONEY.",
        top,
    )
    total = ("All works", "", "42,575")
    top = _table(canvas, ("Job", "Finished", "Cost, crowns"), WORKS, total, top - 4)
    top = subheading(canvas, "The fog signal", top - 26)
    top = paragraph(
        canvas,
        "The old compressor had run since 1951 and failed in the autumn of 2022. Its successor "
        "fills the air tanks in six minutes instead of nineteen, and needs no one to sit beside "
        "it with a spanner. The horn itself is the original of 1911; nobody makes them so rude "
        "any more.",
        top,
    )
    top = subheading(canvas, "Still to do", top - 12)
    for job in (
        "Eight more lantern panes, as soon as the glassworks has a mould that fits.",
        "A second ladder at the landing, with treads that a boot can find in the dark.",
        "The lens fund needs 190,000 crowns for the great cleaning of 2027; it holds 93,500.",
    ):
        canvas.setFillColor(LAMP)
        canvas.circle(LEFT + 3, top + 3.4, 2.4, stroke=0, fill=1)
        canvas.setFillColor(NIGHT)
        canvas.setFont("Times-Roman", 12)
        canvas.drawString(LEFT + 14, top, job)
        top -= 20


def _wildlife(canvas: Canvas) -> None:
    top = heading(canvas, "Neighbours", 760)
    top = paragraph(
        canvas,
        "Puffins have bred on the north slope for as long as there have been logs to write them "
        "in. Rats were gone by 2019, and the burrows have filled since. In 2024 we counted 71 "
        "pairs, the most since 1938.",
        top,
    )
    top = subheading(canvas, "Puffin pairs on the north slope, 2016 to 2024", top - 8)
    _curve(canvas, top - 190)
    top = subheading(canvas, "Grey seals", top - 246)
    paragraph(
        canvas,
        "Grey seals hauled out on the Cat's Teeth from October. The most at once was 128, on the "
        "third of November, and they sang. Nineteen white-coated pups were seen from the gallery "
        "by Christmas. Please keep two hundred paces away: a mother that takes to the water may "
        "not come back.",
        top,
    )


def _curve(canvas: Canvas, foot: float) -> None:
    step = (RIGHT - LEFT - 60) / (len(YEARS) - 1)
    points = [(LEFT + 44 + i * step, foot + n * 2.2) for i, n in enumerate(PUFFINS)]
    canvas.setFont("Helvetica", 8.5)
    canvas.setLineWidth(0.6)
    for value in (20, 40, 60, 80):
        canvas.setStrokeColor(STONE)
        canvas.line(LEFT + 30, foot + value * 2.2, RIGHT, foot + value * 2.2)
        canvas.setFillColor(SLATE)
        canvas.drawRightString(LEFT + 24, foot + value * 2.2 - 3, str(value))
    canvas.setStrokeColor(SEA)
    canvas.setLineWidth(2.2)
    path = canvas.beginPath()
    path.moveTo(*points[0])
    for point in points[1:]:
        path.lineTo(*point)
    canvas.drawPath(path)
    for (x, y), year, n in zip(points, YEARS, PUFFINS, strict=True):
        canvas.setFillColor(BRICK if n == max(PUFFINS) else SEA)
        canvas.circle(x, y, 3.4, stroke=0, fill=1)
        canvas.setFillColor(NIGHT)
        canvas.drawCentredString(x, y + 9, str(n))
        canvas.drawCentredString(x, foot - 14, str(year))
    canvas.setStrokeColor(SLATE)
    canvas.setLineWidth(0.8)
    canvas.line(LEFT + 30, foot, RIGHT, foot)


def _footer(canvas: Canvas, number: int) -> None:
    canvas.setFont("Helvetica", 8)
    canvas.setFillColor(SLATE)
    canvas.drawString(LEFT, 40, "Skerrin Light Trust, annual report 2024")
    canvas.drawRightString(RIGHT, 40, str(number))
