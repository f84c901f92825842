from core.constrain.compile import compile
from core.constrain.expression import chars


def test_utf8_is_exact_at_every_boundary():
    for low, high in [
        (0x7F, 0x80),
        (0x7FE, 0x801),
        (0xFFFE, 0x10001),
        (0x3C0, 0x4E00),
        (0xD7FF, 0xE000),
        (0, 0x10FFFF),
    ]:
        machine = compile(chars((low, high)), "x")
        probes = {low - 1, low, low + 1, (low + high) // 2, high - 1, high, high + 1}
        for code in probes:
            if 0 <= code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF:
                assert machine.matches(chr(code)) == (low <= code <= high), hex(code)
