"""Fails on an include against src/LAYERS, on a link against it, and on include cycles."""

import re

import tree

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.MULTILINE)
_LIBRARY = re.compile(r"starling_library\(\s*(\w+)([^)]*)\)")


def read_layers(root):
    """src/LAYERS as {folder: set of the folders it may include}."""
    layers = {}
    for line in tree.read(root, "src/LAYERS").splitlines():
        line = line.split("#")[0].strip()
        if line:
            folder, _, allowed = line.partition(":")
            layers[folder.strip()] = set(allowed.split())
    return layers


def find_cycle(edges):
    """One cycle of the graph {node: iterable of nodes} as a list, or None."""
    done, path = set(), []

    def visit(node):
        if node in path:
            return path[path.index(node):] + [node]
        if node in done:
            return None
        path.append(node)
        for target in sorted(edges.get(node, ())):
            if cycle := visit(target):
                return cycle
        done.add(path.pop())
        return None

    for node in sorted(edges):
        if cycle := visit(node):
            return cycle
    return None


def _check_cmake(root, layers):
    """Errors, and {folder: folders that its tests may include besides}."""
    errors, test_extra = [], {}
    try:
        text = re.sub(r"#.*", "", tree.read(root, "src/CMakeLists.txt"))
    except FileNotFoundError:
        return errors, test_extra
    for folder, arguments in _LIBRARY.findall(text):
        deps, _, test_deps = arguments.partition("TEST_DEPS")
        for dep in re.findall(r"starling_(\w+)", deps):
            if dep not in layers.get(folder, ()):
                errors.append(f"src/CMakeLists.txt: {folder} links {dep}: not in src/LAYERS")
        test_extra[folder] = set(re.findall(r"starling_(\w+)", test_deps))
        for extra in list(test_extra[folder]):
            test_extra[folder] |= layers.get(extra, set())
    return errors, test_extra


def check(root):
    layers = read_layers(root)
    errors, test_extra = _check_cmake(root, layers)
    for folder, allowed in layers.items():
        for unknown in sorted(allowed - layers.keys()):
            errors.append(f"src/LAYERS: {folder} may include {unknown}, which has no line")
    if cycle := find_cycle(layers):
        errors.append("src/LAYERS: a cycle: " + " -> ".join(cycle))

    includes = {}
    sources = [p for p in tree.files(root) if p.parts[0] == "src" and tree.is_cpp(p)]
    known = {"/".join(p.parts[1:]) for p in sources}
    for path in sources:
        folder, text = path.parts[1], tree.read(root, path)
        if folder not in layers:
            errors.append(f"{path}: src/LAYERS has no line for {folder}")
            continue
        allowed = layers[folder] | {folder}
        # foo_test.cc, and test_foo.h which only tests include
        if path.name.endswith("_test.cc") or path.name.startswith("test_"):
            allowed |= test_extra.get(folder, set())
        own = includes.setdefault("/".join(path.parts[1:]), set())
        for match in _INCLUDE.finditer(text):
            quote, name = match.groups()
            where = f"{path}:{tree.line_of(text, match.start(1))}"
            target = name.split("/")[0]
            if quote == "<" and name not in known:
                continue
            if name not in known:
                errors.append(f'{where}: "{name}" is not a file of src (write folder/file.h)')
            elif quote == "<":
                errors.append(f'{where}: write "{name}": it is our own')
            elif target not in allowed:
                errors.append(f"{where}: {folder} may not include {target} (src/LAYERS)")
            own.add(name)
    if cycle := find_cycle(includes):
        errors.append("src: files include each other: " + " -> ".join(cycle))
    return errors
