"""Small WebAssembly modules, made byte by byte: what no compiler would produce.

https://webassembly.github.io/spec/core/binary/
"""

I32, I64 = 0x7F, 0x7E
_FUNC, _MEMORY = 0, 2
MAGIC = b"\0asm\x01\0\0\0"

# Name -> parameter count; all take and return i32.
EXPORTS = {"watm_init_v1": 0, "watm_ctrlpipe_v1": 1, "watm_start_v1": 0, "watm_dial_v1": 1}


def unsigned(value):
    """LEB128."""
    out = bytearray()
    while True:
        low, value = value & 0x7F, value >> 7
        out.append(low | (0x80 if value else 0))
        if not value:
            return bytes(out)


def _vector(items):
    return unsigned(len(items)) + b"".join(items)


def _name(text):
    data = text.encode()
    return unsigned(len(data)) + data


def section(number, content):
    return bytes([number]) + unsigned(len(content)) + content


def _type(parameters, results):
    return b"\x60" + _vector([bytes([p]) for p in parameters]) + _vector(
        [bytes([r]) for r in results])


def watm(imports=(), exports=None, memory=b"\x00\x01", results=(I32,), reexport=None,
         export_memory=True, network="water_dial_fixed", tags=False):
    """A module that every function of which returns 0.

    `imports`: (module, name, parameters, results) in addition to the one named by `network`, which
    takes nothing; `exports`: name -> parameter count; `memory`: the limits, encoded; `results`: of
    every export; `reexport`: name of an export that is the first import; `tags`: declares an
    exception.
    """
    exports = EXPORTS if exports is None else exports
    imported = [*([("env", network, (), (I32,))] if network else []), *imports]
    types = [_type(parameters, res) for _, _, parameters, res in imported]
    types += [_type((I32,) * count, results) for count in exports.values()]
    import_entries = [_name(module) + _name(name) + bytes([_FUNC]) + unsigned(index)
                      for index, (module, name, _, _) in enumerate(imported)]
    first = len(imported)
    functions = [unsigned(first + index) for index in range(len(exports))]
    export_entries = [_name(name) + bytes([_FUNC]) + unsigned(
        0 if name == reexport else first + index) for index, name in enumerate(exports)]
    if export_memory:
        export_entries.append(_name("memory") + bytes([_MEMORY]) + unsigned(0))
    constant = {(I32,): b"\x41\x00", (I64,): b"\x42\x00", (): b""}[tuple(results)]
    body = b"\x00" + constant + b"\x0b"
    code = [unsigned(len(body)) + body for _ in exports]
    tag_section = section(13, _vector([b"\0" + unsigned(0)])) if tags else b""
    return MAGIC + b"".join([
        section(1, _vector(types)), section(2, _vector(import_entries)),
        section(3, _vector(functions)), section(5, _vector([memory])), tag_section,
        section(7, _vector(export_entries)), section(10, _vector(code))])
