"""Blocks of writing: headings, paragraphs, lists, contents, forms, code; each tells its height."""

from training.sight.assets import amount, sentence, words
from training.sight.canvas import BLACK, WHITE, Box, Colour, between, chance, pick, random_colour
from training.sight.sheet import Sheet


def wrapped(sheet: Sheet, text: str, width: float) -> list[str]:
    """Return a text's lines of at most `width` pixels."""
    lines, line = [], ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and sheet.width_of(longer) > width:
            lines.append(line)
            line = word
        else:
            line = longer
    return [*lines, line] if line else lines


def heading(sheet: Sheet, x: float, y: float, width: float, room: float) -> float:
    """Draw a heading: alone, numbered, centred, underlined, or in a band of colour."""
    rng = sheet.rng
    size = int(sheet.size * between(rng, 1.05, 2.1))
    if room < size * 2.5:
        return room
    text = words(rng, int(rng.integers(1, 8)))
    if chance(rng, 0.3):
        text = f"{rng.integers(1, 15)}. {text}"
    if chance(rng, 0.25):
        text = text.upper()
    while len(text) > 4 and sheet.width_of(text, size, sheet.heading_face) > width:
        text = text[: int(len(text) * 0.85)]
    wide = sheet.width_of(text, size, sheet.heading_face)
    left = x + (width - wide) / 2 if chance(rng, 0.25) else x
    top = y + size * 0.35
    if chance(rng, 0.1):
        colour = random_colour(rng, value=(0.2, 0.6))
        sheet.draw.rectangle((x, y, x + width, y + size * 1.8), colour)
        sheet.write((left + 4, top), text, face=sheet.heading_face, size=size, colour=WHITE)
    else:
        sheet.write((left, top), text, face=sheet.heading_face, size=size,
                    colour=sheet.heading_colour)  # fmt: skip
        if chance(rng, 0.12):
            sheet.draw.line((x, y + size * 1.7, x + width, y + size * 1.7), sheet.heading_colour, 2)
    sheet.mark("title", (left, top, left + wide, top + size * 1.1))
    return size * 2


def paragraph(sheet: Sheet, x: float, y: float, width: float, room: float) -> float:
    """Draw a paragraph of running text."""
    rng = sheet.rng
    n_lines = min(int(room / sheet.line) - 1, int(rng.integers(2, 12)))
    if n_lines < 1:
        return room
    text = " ".join(sentence(rng) for _ in range(n_lines))
    lines = wrapped(sheet, text, width)[:n_lines]
    indent = sheet.size * 2 if chance(rng, 0.2) else 0
    bold = chance(rng, 0.03)
    for i, line in enumerate(lines):
        at = (x + (indent if i == 0 else 0), y + i * sheet.line)
        sheet.write(at, line)
        if bold:
            sheet.write((at[0] + 0.6, at[1]), line)
    widest = max(sheet.width_of(line) for line in lines)
    sheet.mark("text", (x, y, x + widest, y + len(lines) * sheet.line))
    return (len(lines) + between(rng, 0.4, 1.2)) * sheet.line


def bullets(sheet: Sheet, x: float, y: float, width: float, room: float) -> float:
    """Draw a list with bullets, dashes or numbers."""
    rng, top = sheet.rng, y
    mark = pick(rng, ("•", "–", "■", "○", "1.", "(a)", "-"))
    for i in range(int(rng.integers(2, 8))):
        lines = wrapped(sheet, sentence(rng), width - sheet.size * 2.2)[: int(rng.integers(1, 4))]
        if y + (len(lines) + 1) * sheet.line > top + room:
            break
        shown = mark.replace("1", str(i + 1)).replace("a", "abcdefgh"[i])
        sheet.write((x + sheet.size * 0.6, y), shown)
        for line in lines:
            sheet.write((x + sheet.size * 2.2, y), line)
            y += sheet.line
        y += sheet.line * 0.25
    if y > top:
        sheet.mark("list", (x, top, x + width, y))
    return y - top + sheet.line * 0.6 if y > top else room


def contents(sheet: Sheet, x: float, y: float, width: float, room: float) -> float:
    """Draw a table of contents: entries, dot leaders, page numbers."""
    rng, top = sheet.rng, y
    n = min(int(room / sheet.line) - 2, int(rng.integers(8, 45)))
    if n < 4:
        return room
    page, dots, pitch = 1, chance(rng, 0.75), sheet.line * between(rng, 1, 1.5)
    for i in range(n):
        if y + pitch > top + room:
            break
        level = int(rng.integers(0, 3)) if i else 0
        text = (
            f"{'Item ' if chance(rng, 0.3) else ''}{i + 1}. {words(rng, int(rng.integers(2, 9)))}"
        )
        left = x + level * sheet.size * 1.5
        number = str(page)
        end = x + width - sheet.width_of("000")
        while text and sheet.width_of(text) > (end - left) * 0.85:
            text = text[:-4]
        sheet.write((left, y), text)
        sheet.write((x + width, y), number, anchor="ra")
        if dots:
            _leader(sheet, left + sheet.width_of(text) + 4, end, y)
        page += int(rng.integers(1, 9))
        y += pitch
    sheet.mark("table of contents", (x, top, x + width, y))
    return y - top + sheet.line


def _leader(sheet: Sheet, left: float, right: float, y: float) -> None:
    step = max(1.0, sheet.width_of(" ."))
    n = int((right - left) / step)
    if n > 0:
        sheet.write((right - n * step, y), " ." * n)


def form(sheet: Sheet, x: float, y: float, width: float, room: float) -> float:
    """Draw a form: names of fields with lines or boxes to fill in, and boxes to tick."""
    rng, top = sheet.rng, y
    pitch = sheet.line * between(rng, 1.5, 2.4)
    n = min(int(room / pitch) - 1, int(rng.integers(4, 16)))
    if n < 3:
        return room
    boxed = chance(rng, 0.4)
    for _ in range(n):
        n_fields = int(rng.integers(1, 4))
        for j in range(n_fields):
            left = x + width * j / n_fields
            right = x + width * (j + 1) / n_fields - sheet.size
            _field(sheet, (left, y, right, y + pitch), boxed)
        y += pitch
    sheet.mark("form", (x, top, x + width, y))
    return y - top + sheet.line


def _field(sheet: Sheet, box: Box, boxed: bool) -> None:
    rng = sheet.rng
    left, y, right, bottom = box
    if chance(rng, 0.25):
        side = sheet.size * 0.8
        sheet.draw.rectangle((left, y + 2, left + side, y + 2 + side), None, BLACK)
        sheet.write((left + side * 1.6, y), words(rng, int(rng.integers(1, 4)))[:22])
        return
    name = words(rng, int(rng.integers(1, 3)))[:16]
    if boxed:
        sheet.draw.rectangle((left, y, right, bottom - 1), None, (80, 80, 80))
        sheet.write((left + 2, y + 1), name, size=max(6, int(sheet.size * 0.7)))
        return
    sheet.write((left, y), name)
    start = left + sheet.width_of(name) + 4
    if start < right - 8:
        sheet.draw.line((start, y + sheet.size, right, y + sheet.size), (60, 60, 60), 1)
        if chance(rng, 0.2):
            sheet.write(
                (start + 6, y - 1), words(rng, 1)[:10], face=pick(rng, sheet.assets.fonts.hand)
            )


_KEYWORDS = ("def", "return", "if", "for", "while", "int", "class", "import", "const", "else")


def code(sheet: Sheet, x: float, y: float, width: float, room: float) -> float:
    """Draw a listing of a program: fixed width, indented, sometimes coloured or on dark ground."""
    rng = sheet.rng
    face, size = pick(sheet.rng, sheet.assets.fonts.mono), int(sheet.size * between(rng, 0.8, 1))
    step = size * between(rng, 1.15, 1.4)
    n = min(int((room - 2 * size) / step), int(rng.integers(6, 32)))
    if n < 5:
        return room
    ground, ink = _code_ground(sheet)
    framed = ground != WHITE or chance(rng, 0.3)
    height = n * step + size
    if framed:
        edge = (170, 170, 170) if chance(rng, 0.5) else None
        sheet.draw.rectangle((x, y, x + width, y + height), ground, edge)
    coloured = chance(rng, 0.5)
    level, letter = 0, sheet.width_of("m", size, face)
    for i in range(n):
        level = max(0, min(5, level + int(rng.integers(-1, 2))))
        at = x + size * 0.5 + level * letter * 4
        if chance(rng, 0.06):
            continue
        for part in _code_line(sheet, max(6, int((x + width - at) / letter) - 2)):
            colour = _code_colour(sheet, part, ink) if coloured else ink
            sheet.write((at, y + size * 0.5 + i * step), part, face=face, size=size, colour=colour)
            at += sheet.width_of(part, size, face)
    sheet.mark("code", (x, y, x + width if framed else x + width * 0.8, y + height))
    return height + sheet.line


def _code_ground(sheet: Sheet) -> tuple[Colour, Colour]:
    form = sheet.rng.random()
    if form < 0.5:
        return WHITE, BLACK
    if form < 0.8:
        return (243, 243, 245), BLACK
    return (35, 38, 46), (225, 225, 225)


def _code_colour(sheet: Sheet, part: str, ink: Colour) -> Colour:
    if part.strip() in _KEYWORDS:
        return (190, 60, 140) if ink != BLACK else (0, 0, 180)
    return (60, 140, 60) if part.startswith('"') else ink


def _code_line(sheet: Sheet, n_letters: int) -> list[str]:
    rng = sheet.rng
    name = words(rng, int(rng.integers(1, 3))).lower().replace(" ", "_")
    forms = (
        [pick(rng, _KEYWORDS), f" {name}({words(rng, 1).lower()}):"],
        [f"{name} = {words(rng, 1).lower()}.{words(rng, 1).lower()}(", f'"{words(rng, 1)}"', ")"],
        [f"{name}[{rng.integers(0, 99)}] += {amount(rng)};"],
        ["return", f" {name}"],
        [f"# {words(rng, int(rng.integers(2, 6))).lower()}"],
        ["}"],
    )
    line = forms[int(rng.integers(len(forms)))]
    return [part[:n_letters] for part in line]
