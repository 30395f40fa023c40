"""docs/metrics.md: every metric of a node, read from where the C++ makes it (src/base/metrics.h).

`./x docs` runs this; `./x lint` says when the page is out of date, or when something makes a metric
in a way that cannot be read here: then write it as the others do, or teach this program.
"""

import dataclasses
import json
import re
import sys

import tree

PAGE = "docs/metrics.md"
_SELF = "tools/metrics_page.py"

HEAD = """\
# Metrics
Made by `./x docs` from the sources: every metric that a node has. Many are only there once there
was something to count, those of the bus only in a cluster.

To scrape a node give it a port that only Prometheus reaches, and ask it for `/metrics`:

```yaml
listen:
  - port: 5280
    ip: 127.0.0.1
    module: http
```

    curl http://127.0.0.1:5280/metrics

It is OpenMetrics 1.0 for who asks for that (`Accept: application/openmetrics-text`, as Prometheus
does), else Prometheus' text format 0.0.4, as `starlingctl metrics` prints it. OpenMetrics has a
`_created` for each counter and histogram: since when it counts. Each node tells its own; sums are
Prometheus' work. Counters begin anew when the process does. A label has few values: of one
name there are 100 series at most, what is more is counted with the values `other`.

Look first at `starling_utilisation_percent` (act above 70), `starling_memory_stage` (0 is well),
`starling_serving` (1 is well), the 99th percentile of `starling_ack_seconds` and the rate of
`starling_stanzas_received_total{kind="message"}`; then at whatever is refused: each limit is in
[limits.md](limits.md). [operations.md](operations.md#watching-it) has Prometheus' configuration, a
dashboard and alerts.
"""

# Heading, what one should know beforehand, and which names belong there: the first that fits.
SUBJECTS = [
    ("How full it is", "What utilisation is: [operations.md](operations.md#how-full-it-is).",
     r"utilisation|cluster_utilisation|sessions$|loop_delay|worker"),
    ("The node", "", r"build|start_time|serving|draining|certificate"),
    ("Connections and streams", "",
     r"connections|accept|proxy|parse_errors|stream_errors|slow_readers|http_requests|bosh"),
    ("Stanzas", "A message to three devices is received once and sent three times.",
     r"stanza|messages_lost|backlog|shaper|limits_hit|routing|ack"),
    ("Store", "", r"store"),
    ("Log-in", "", r"authentications|login|bans"),
    ("Memory", """\
The stages, and what each means: `memory` in [limits.md](limits.md).

Of the subsystems of `starling_memory_bytes` some are reckoned, as a number of things times what
one of them was measured to take
([performance.md](performance.md#what-an-idle-session-is-made-of)): `connections` with their
streams, `tls`, `accounts` with their sessions, and `homes`, the directory of a cluster. The
others are counted: what the `allocator` has beyond what was asked of it, the caches of the
`store` (SQLite's), texts that are not durable yet (`store_writes`), the `journal` with room for
all its entries, `rosters`, what waits to be sent to clients (`client_queues`), what they have not
acknowledged, what they have sent and is not dealt with (`in_hand`), and what waits for other
nodes (`links`). Streams are looked at one after the other, so what is of them is some seconds
old. The rest of `starling_allocated_memory_bytes` is what modules keep, tasks under way,
libraries.""",
     r"resident|allocated|sqlite|max_memory|memory|sessions_shed"),
    ("Bus and cluster", """\
A frame carries many stanzas; those of one that is lost are sent again. `queue_full`: 16 MiB wait to
be sent; `receiver_slow`: 64 MiB wait to be handled.""", r"bus|cluster|links?|lease"),
]

# Values that the sources show to nobody but a reader.
LABELS = {
    ("starling_connections", "port"): "that of the listener",
    ("starling_http_requests_refused_total", "reason"):
        "`syntax`, `host`; `header` and `body`: too long; `patience`: too slow",
    ("starling_authentications_total", "mechanism"): "as in SASL, `unknown` if it is not offered",
    ("starling_authentications_total", "result"):
        "`success`, or the error condition (RFC 6120, section 6.5)",
    ("starling_build_info", "version"): "as `starlingd --version` prints it",
    ("starling_certificate_expiry_timestamp_seconds", "host"):
        "each that is served, or the 100 whose certificates end first",
    ("starling_lease_held", "lease"): "`api-housekeeping`, `archive-retention`, `load-history`; "
                                     "on AWS `scale_in`",
    ("starling_worker_inbox", "worker"): "from 0",
}

_TYPES = {"counter": "counter", "gauge": "gauge", "histogram": "histogram", "Observed": "gauge"}
# They make none.
_HARMLESS = {"Counter", "Gauge", "Histogram", "Labels", "Format", "format_for", "content_type",
             "text"}
# Of src/base: where metrics are made for others.
_OWN = {"metrics", "metrics_registry", "metrics_text", "histogram"}
_UNITS = {"_seconds": "seconds", "_bytes": "bytes", "_percent": "per cent"}
_STRING = r'"(?:\\.|[^"\\\n])*"'
# A parameter list, of a function or of a lambda that has a name.
_PARAMETERS = re.compile(r"\b(\w+)\s*(?:=\s*\[[^\]]*\]\s*)?\(([^(){};]*)\)")


class Unreadable(Exception):
    """A place in the sources, and why it cannot be read."""


class Source:
    """A file: its text, and its code, where literals are empty; offsets are the same in both."""

    def __init__(self, root, path):
        whole = tree.read(root, path)
        self.path = path
        self.text = tree.masked(whole)
        self.code = tree.masked(whole, literals=True)

    def unreadable(self, at, why):
        return Unreadable(f"{self.path}:{tree.line_of(self.text, at)}: {why}")

    def arguments(self, at):
        """Those between the bracket at `at` and its partner: (offset, text) each."""
        found, depth, start = [], 0, at + 1
        for bracket in re.compile(r"[(){}\[\],]").finditer(self.code, at):
            here, kind = bracket.start(), bracket.group()
            if kind in "({[":
                depth += 1
            elif kind != ",":
                depth -= 1
            if depth == 0 or (kind == "," and depth == 1):
                found.append((start, self.text[start:here].strip()))
                start = here + 1
            if depth == 0:
                return [(begin, text) for begin, text in found if text]
        raise self.unreadable(at, "a bracket without a partner")


@dataclasses.dataclass
class Metric:
    """A family: what all of one name have in common."""

    name: str
    type: str
    help: str
    labels: dict  # name: values that the sources show; None: they show none

    @property
    def unit(self):
        base = self.name.removesuffix("_total")
        found = [unit for end, unit in _UNITS.items() if base.endswith(end)]
        return found[0] if found else "state" if self.help[:1].isdigit() else "number"


def _literal(text):
    """What a string literal, in one part or several, says; None if it is none."""
    if not re.fullmatch(rf"(?:{_STRING}\s*)+", text):
        return None
    return "".join(json.loads(part) for part in re.findall(_STRING, text))


@dataclasses.dataclass
class Parameter:
    function: str
    declared: int  # offset of the function's name
    index: int
    type: str


def _in_scope(code):
    """Of what is between a parameter list and a use: whether the function's body is still open."""
    braces = brackets = 0
    for kind in re.findall(r"[(){}]", code):
        brackets += {"(": 1, ")": -1}.get(kind, 0)
        if brackets < 0:
            return False
        if kind in "{}" and brackets == 0:
            braces += 1 if kind == "{" else -1
            if braces <= 0:
                return False
    return True


def _parameter(source, at, name):
    """The parameter of that name of a function around `at`, the nearest; None if there is none."""
    nearest = None
    for match in _PARAMETERS.finditer(source.code, 0, at):
        for index, declared in enumerate(match.group(2).split(",")):
            typed = re.fullmatch(rf"\s*(?:const\s+)?([\w:<>]+)[\s&*]+{name}\s*", declared)
            if typed and _in_scope(source.code[match.end():at]):
                nearest = Parameter(match.group(1), match.start(1), index,
                                    typed.group(1).split("::")[-1])
    return nearest


def _calls(source, parameter):
    """The arguments of each call of its function, or of its constructor, in the same file."""
    call = re.compile(rf"(?<!class )(?<!struct )\b{parameter.function}(?:\s+\w+)?\s*([({{])")
    return [source.arguments(match.start(1)) for match in call.finditer(source.code)
            if match.start() != parameter.declared]


def _names_of(sources, kind):
    """What to_string says of an enum: the literals that it returns, or those of its table."""
    for source in sources:
        found = re.search(rf"\bto_string\((?:\w+::)*{kind} \w+\) (\{{)", source.code)
        if not found:
            continue
        end = source.code.index("\n}", found.end())
        body = source.text[found.end():end]
        if table := re.search(r"\breturn (k\w+)\[", body):
            begin = re.search(rf"\b{table.group(1)}\s*=?\s*(\{{)", source.code)
            rows = source.arguments(begin.start(1))
            if len(rows) == 1:  # {{...}}, of an array of structs
                rows = source.arguments(source.code.index("{", rows[0][0]))
            # A row may say more than the name, behind it.
            return [json.loads(re.search(_STRING, row).group()) for _, row in rows]
        # What stands for no error, and for no value of the enum, is no label.
        return [name for name in map(json.loads, re.findall(rf"\breturn ({_STRING});", body))
                if name not in ("none", "unknown")]
    return None


def _values(sources, source, at, text):
    """The values that an expression may have, as far as the sources show; None if they do not."""
    if wrapped := re.fullmatch(r"std::string(?:_view)?\((.*)\)", text, re.DOTALL):
        return _values(sources, source, at, wrapped.group(1))
    if (value := _literal(text)) is not None:
        return [value]
    if named := re.fullmatch(r"(?:\w+::)*to_string\((\w+)\)", text):
        parameter = _parameter(source, at, named.group(1))
        return _names_of(sources, parameter.type) if parameter else None
    parameter = _parameter(source, at, text) if re.fullmatch(r"\w+", text) else None
    if parameter is None:
        return None
    found = []
    for arguments in _calls(source, parameter):
        values = (_values(sources, source, *arguments[parameter.index])
                  if parameter.index < len(arguments) else None)
        if values is None:
            return None
        found += values
    return found or None


def _labels(sources, source, arguments):
    """{label: its values, or None} of a call's arguments."""
    if len(arguments) < 3:
        return {}
    at, text = arguments[2]
    if re.fullmatch(r"(?:metrics::Labels)?\s*(?:\{\s*\}|\(\s*\))", text):
        return {}
    opening = re.match(r"(?:metrics::Labels)?\s*\{", text)
    if not opening:
        raise source.unreadable(at, "the labels are not written here as {{name, value}, ...}")
    at = source.text.index(text, at)
    labels = {}
    for begin, _ in source.arguments(at + opening.end() - 1):
        pair = source.arguments(source.code.index("{", begin))
        name = _literal(pair[0][1])
        if len(pair) != 2 or name is None:
            raise source.unreadable(begin, "a label is not {\"name\", value}")
        labels[name] = _values(sources, source, *pair[1])
    return labels


def _made_at(sources, source, kind, bracket):
    """The families that the call with its bracket there makes."""
    arguments = source.arguments(bracket)
    if len(arguments) < 2:
        raise source.unreadable(bracket, "a metric without a name and a help text")
    labels = _labels(sources, source, arguments)
    names = [(arguments[0][1], arguments[1][1])]
    if _literal(arguments[0][1]) is None:  # a wrapper's parameters: who calls that?
        name, text = (_parameter(source, bracket, argument) for _, argument in arguments[:2])
        if name is None or text is None or name.function != text.function:
            raise source.unreadable(bracket, "the name of a metric is not written here")
        names = [(call[name.index][1], call[text.index][1]) for call in _calls(source, name)
                 if len(call) > max(name.index, text.index)]
    for name, text in names:
        if _literal(name) is None or _literal(text) is None:
            raise source.unreadable(bracket, "name and help of a metric are not both literals")
        yield Metric(_literal(name), _TYPES[kind], _literal(text), labels)
    if not names:
        raise source.unreadable(bracket, "nothing gives this metric a name")


def _brackets_of_observed(sources, source, use):
    """Where an Observed that is mentioned there gets its arguments: (source, offset) each."""
    rest = source.code[use.end():]
    before = source.code[:use.start()]
    if made := re.match(r"\s*(?:\w+\s*)?([({])|>\s*(\()", rest):
        return [(source, use.end() + made.end() - 1)]
    if re.search(r"\b(?:unique_ptr|shared_ptr)<$", before):
        return []  # it holds what is made elsewhere
    if member := re.match(r"\s+(\w+);", rest):
        stem = source.path.with_suffix("")
        found = [(other, begin.end() - 1) for other in sources
                 if other.path.with_suffix("") == stem
                 for begin in re.finditer(rf"\b{member.group(1)}\s*\(", other.code)]
        if found:
            return found
    raise source.unreadable(use.start(), "nothing shows what this Observed is made with")


def _made_in(sources, source):
    if alias := re.search(r"\bnamespace\b[^{;]*\bmetrics\s*;", source.code):
        raise source.unreadable(alias.start(), "write metrics:: before what makes a metric")
    for use in re.finditer(r"\bmetrics::(\w+)", source.code):
        kind = use.group(1)
        if kind in _HARMLESS:
            continue
        if kind == "Observed":
            places = _brackets_of_observed(sources, source, use)
        elif kind in _TYPES and (call := re.compile(r"\s*(\()").match(source.code, use.end())):
            places = [(source, call.start(1))]
        else:
            raise source.unreadable(use.start(), f"{use.group()} is not known here")
        for other, bracket in places:
            yield from ((other, bracket, metric)
                        for metric in _made_at(sources, other, kind, bracket))


def read(root):
    """All metrics by name. Raises Unreadable."""
    sources = [Source(root, p) for p in tree.files(root) if p.parts[0] == "src" and tree.is_cpp(p)
               and not p.name.endswith("_test.cc") and not p.name.startswith("test_")
               and not (p.parts[1:-1] == ("base",) and p.stem in _OWN)]
    found = {}
    for source in sources:
        for where, at, metric in _made_in(sources, source):
            known = found.setdefault(metric.name, metric)
            if (known.type, known.help, list(known.labels)) != (metric.type, metric.help,
                                                                list(metric.labels)):
                raise where.unreadable(at, f"{metric.name} has another type, help or labels "
                                       "elsewhere")
            for label, values in metric.labels.items():
                both = known.labels[label], values
                known.labels[label] = (None if None in both
                                       else list(dict.fromkeys(both[0] + both[1])))
    for metric in found.values():
        for label, values in metric.labels.items():
            if (values is None) != ((metric.name, label) in LABELS):
                raise Unreadable(f"{_SELF}: LABELS " + ("has to" if values is None else "need not")
                                 + f" say what values the label {label} of {metric.name} has")
    # To OpenMetrics a counter is of the family without the end of its name.
    for name in found:
        if name.endswith("_total") and name.removesuffix("_total") in found:
            raise Unreadable(f"{name.removesuffix('_total')} and {name} are one family to "
                             "OpenMetrics: rename one")
    return dict(sorted(found.items()))


def _row(metric):
    labels = "; ".join(
        f"`{label}`: " + (LABELS[metric.name, label] if values is None
                          else ", ".join(f"`{value}`" for value in values))
        for label, values in metric.labels.items())
    text = metric.help.replace("|", r"\|")
    return f"| `{metric.name}` | {metric.type} | {metric.unit} | {labels} | {text} |"


def page(metrics):
    parts, left = [HEAD], dict(metrics)
    for heading, text, names in SUBJECTS:
        mine = [name for name in left if re.match(rf"starling_(?:{names})", name)]
        if not mine:
            continue
        rows = [_row(left.pop(name)) for name in mine]
        parts.append("\n".join([f"## {heading}", *([text] if text else []), "",
                                "| metric | type | unit | labels | help |", "|-|-|-|-|-|", *rows,
                                ""]))
    if left:
        raise Unreadable(f"{_SELF}: no subject in SUBJECTS for {', '.join(left)}")
    return "\n".join(parts)


def check(root):
    try:
        metrics = read(root)
        wanted = page(metrics)
    except Unreadable as error:
        return [str(error)]
    if not metrics:
        return []
    try:
        there = tree.read(root, PAGE)
    except FileNotFoundError:
        there = None
    return [] if there == wanted else [f"{PAGE}: out of date: run ./x docs"]


def main():
    try:
        text = page(read(tree.ROOT))
    except Unreadable as error:
        sys.exit(str(error))
    (tree.ROOT / PAGE).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
