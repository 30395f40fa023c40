"""Each check passes on a good tree and fails on a bad sample: a check that cannot fail is none."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
# pylint: disable=wrong-import-position
import check_bans
import check_docs
import check_events
import check_layers
import lint
import metrics_page
import run_tests
import tree

LAYERS = "base :\nxml : base\ncore : xml base\n"


@pytest.fixture(name="make")
def _make(tmp_path):
    """Writes {path: text} as a tree and returns its root."""
    def write(files):
        for name, text in {"src/LAYERS": LAYERS, **files}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path
    return write


def one(errors, *parts):
    assert len(errors) == 1, errors
    for part in parts:
        assert part in errors[0]


# check_layers


def test_layers_downward_include_passes(make):
    root = make({"src/base/a.h": "#include <string>\n", "src/xml/b.h": '#include "base/a.h"\n'})
    assert check_layers.check(root) == []


def test_layers_upward_include_fails(make):
    root = make({"src/base/a.h": '\n#include "xml/b.h"\n', "src/xml/b.h": ""})
    one(check_layers.check(root), "src/base/a.h:2", "base may not include xml")


def test_layers_include_without_folder_fails(make):
    one(check_layers.check(make({"src/xml/a.cc": '#include "b.h"\n', "src/xml/b.h": ""})), '"b.h"')


def test_layers_own_header_in_angle_brackets_fails(make):
    root = make({"src/base/a.h": '#include <xml/b.h>\n', "src/xml/b.h": ""})
    one(check_layers.check(root), "our own")


def test_layers_folder_without_line_fails(make):
    one(check_layers.check(make({"src/new/a.h": ""})), "no line for new")


def test_layers_cycle_in_table_fails(make):
    one(check_layers.check(make({"src/LAYERS": "a : b\nb : a\n"})), "a -> b -> a")


def test_layers_cycle_of_files_fails(make):
    root = make({"src/xml/a.h": '#include "xml/b.h"\n', "src/xml/b.h": '#include "xml/a.h"\n'})
    one(check_layers.check(root), "include each other", "xml/a.h -> xml/b.h -> xml/a.h")


def test_layers_link_against_table_fails(make):
    text = "starling_library(base)\nstarling_library(xml DEPS starling_core)\n"
    one(check_layers.check(make({"src/CMakeLists.txt": text})), "xml links core")


def test_layers_tests_may_include_their_test_deps(make):
    links = "starling_library(xml DEPS starling_base TEST_DEPS starling_core)"
    files = {"src/CMakeLists.txt": links, "src/core/c.h": "",
             "src/xml/a_test.cc": '#include "core/c.h"\n'}
    assert check_layers.check(make(files)) == []
    bad = files | {"src/xml/a.cc": '#include "core/c.h"\n'}
    one(check_layers.check(make(bad)), "xml/a.cc")


# check_bans


@pytest.mark.parametrize("rule, line", [
    ("clock", "auto t = std::chrono::steady_clock::now();"),
    ("clock", "auto t = std::chrono::system_clock::now();"),
    ("random", "std::random_device device;"),
    ("random", "int n = rand();"),
    ("thread", "std::thread thread(run);"),
    ("thread", "std::jthread thread(run);"),
    ("detach", "thread.detach();"),
    ("sleep", "std::this_thread::sleep_for(1s);"),
    ("using-std", "using namespace std;"),
    ("cout", "std::cout << 1;"),
    ("await", "co_await send({1, 2});"),
    ("await", "co_await send(Stanza{kind, text});"),
    ("await", "co_await pool.run([x] { return x; });"),
    ("await", "auto r = co_await pool.run(\n    [this] { return x_; });"),
    ("await", "if (!(co_await send(std::array{1, 2}))) return;"),
])
def test_bans_banned_code_fails(make, rule, line):
    one(check_bans.check(make({"src/xml/a.cc": line + "\n"})), "src/xml/a.cc:", f"[{rule}]")


@pytest.mark.parametrize("line", [
    "// steady_clock::now() is banned here, std::thread too",
    'log("std::thread, rand()"); /* std::cout */',
    'auto text = R"(std::cout << rand();)";',
    "using namespace std::chrono_literals;",
    "std::thread::id id;",
    "pool.strand(); store.operand(); x.rand();",
    "if (co_await ready()) { go(Stanza{1}); }",
    "for (auto& x : co_await all()) { use({x}); }",
    "if (auto r = co_await get(key); !r) { co_return Error{r}; }",
    "use(co_await get(key), Stanza{1});",
    "co_await pool.run([] { return 1; });",
    "co_await table[index].load(rows[1]);",
    "Awaiter operator co_await() && { return Awaiter{handle_}; }",
    "int n = 1'000'000; char c = '{';",
    "rand();  // lint: allow(random) because the sample must have it",
])
def test_bans_allowed_code_passes(make, line):
    assert check_bans.check(make({"src/xml/a.cc": line + "\n"})) == []


def test_bans_permission_needs_the_right_rule_and_a_reason(make):
    for comment in ("allow(cout) because of a reason", "allow(random)"):
        one(check_bans.check(make({"src/xml/a.cc": f"rand();  // lint: {comment}\n"})), "[random]")


def test_bans_base_is_exempt(make):
    assert check_bans.check(make({"src/base/a.cc": "std::thread t; rand();\n"})) == []


def test_bans_long_file_and_long_line_fail(make):
    one(check_bans.check(make({"src/xml/a.cc": "\n" * 801})), "801 lines")
    one(check_bans.check(make({"src/xml/a.cc": "//" + "x" * 99 + "\n"})), "101 columns")
    assert check_bans.check(make({"src/xml/a.cc": "// https://" + "x" * 99 + "\n"})) == []


@pytest.mark.parametrize("text", [
    "see /wo" "rk/main", "cd /ho" "me/me/starling", "https://registr" "y.npmjs.org/x",
    "http://de" "b.debian.org", "thanks to Chat" "GPT", "an A" "I assistant wrote this",
])
def test_bans_forbidden_words_fail_in_any_file(make, text):
    one(check_bans.check(make({"docs/a.md": f"fine\n{text}\n"})), "docs/a.md:2")


def test_bans_paths_of_the_system_pass(make):
    text = "/usr/bin/python3, /etc/starling/, $HOME/work/x, /var/lib/starling, docs/work/plan.md"
    assert check_bans.check(make({"docs/a.md": text})) == []


# check_docs


def guide(text):
    return {"docs/life-of-a-stanza.md": text, "src/core/router.cc": "void Router::route() {}\n"}


@pytest.mark.parametrize("text", [
    "`core/router.cc:route`", "`src/core/router.cc`", "`router.cc:Router::route()`",
    "`core/router.cc:route(stanza)`",
])
def test_docs_names_that_exist_pass(make, text):
    assert check_docs.check(make(guide(text))) == []


@pytest.mark.parametrize("text, finding", [
    ("`core/gone.cc`", "no file core/gone.cc"),
    ("\n`core/router.cc:deliver`", ":2: src/core/router.cc has no deliver"),
    ("`core/router.cc:rout`", "has no rout"),
    ("`core/router.cc:17`", "name a function"),
])
def test_docs_names_that_do_not_exist_fail(make, text, finding):
    one(check_docs.check(make(guide(text))), finding)


def test_docs_links(make):
    files = {"docs/a.md": "# First Part\n", "README.md":
             "[a](docs/a.md) [b](docs/a.md#first-part) [c](https://example.org/x) ![d](docs/)"}
    assert check_docs.check(make(files)) == []
    one(check_docs.check(make({"README.md": "[a](docs/b.md)"})), "nothing at docs/b.md")
    one(check_docs.check(make({"README.md": "[a](docs/a.md#last)"})), "no heading")


def test_docs_module_without_test_fails(make):
    root = make({"src/modules/ping.cc": "", "src/modules/registry.cc": ""})
    one(check_docs.check(root), "src/modules/ping.cc: no test")
    assert check_docs.check(make({"tests/dialogues/a.xmpp": "# module: ping\n"})) == []


def test_docs_fuzz_target_without_seeds_fails(make):
    files = {"fuzz/CMakeLists.txt": "starling_fuzz_target(jid DEPS x)\n",
             "fuzz/jid.cc": 'extern "C" int LLVMFuzzerTestOneInput();\n'}
    one(check_docs.check(make(files)), "no seeds")
    assert check_docs.check(make({"fuzz/seeds/jid/1": "a@b"})) == []
    one(check_docs.check(make({"fuzz/CMakeLists.txt": ""})), "does not build it")


def test_docs_module_is_found_by_its_xep(make):
    root = make({"src/modules/xep_0199_ping.cc": "", "tests/dialogues/xep_0198.xmpp": ""})
    one(check_docs.check(root), "no test")
    assert check_docs.check(make({"tests/dialogues/xep_0199_client_ping.xmpp": ""})) == []


# lint


_EVENTS = "docs/log-events.md"
_LOGS = 'void f() { log::info(\n      "node_ready", {}); log::warning(x ? "a_b" : "c_d"); }\n'
_OF_A_STREAM = 'void g() { log_event(log::Level::info,\n    "bound", {}); }\n'


@pytest.mark.parametrize("rows, finding", [
    ("| `node_ready` | |\n| `a_b` | |\n| `c_d` | |\n", None),
    ("| `node_ready` | |\n| `a_b` | |\n", "no line for the event c_d"),
    ("| `node_ready` | |\n| `a_b` | |\n| `c_d` | |\n| `gone` | |\n", "no event gone in src"),
    ("| `a_b` | |\n| `a_b` | |\n| `c_d` | |\n| `node_ready` | |\n", "a_b stands there twice"),
])
def test_events_and_their_lines(make, rows, finding):
    errors = check_events.check(make({"src/core/a.cc": _LOGS, _EVENTS: rows}))
    assert errors == [] if finding is None else [e for e in errors if finding in e], errors


def test_events_of_a_stream_need_a_line(make):
    errors = check_events.check(make({"src/stream/a.cc": _OF_A_STREAM, _EVENTS: ""}))
    assert len(errors) == 1 and "no line for the event bound" in errors[0], errors


# metrics_page


_METERS = """
struct Pair {
  Pair(const std::string& name, const std::string& help)
      : a_(metrics::counter(name, help, {{"kind", "a"}})),
        b_(metrics::counter(name, help, {{"kind", "b"}})) {}
  metrics::Counter& a_;
};
Pair& pair() {
  static Pair one("starling_stanzas_total", "Stanzas, "
                  "by kind");
  return one;
}
metrics::Counter& refused(const char* reason) {  // metrics::counter(
  return metrics::counter("starling_bans_total", "Refused", {{"reason", reason}});
}
void f() {
  refused("full").add();
  refused("bad").add();
}
void ended(xml::Error error) {
  metrics::counter("starling_bus_ends_total", "Ends", {{"error", std::string(to_string(error))}});
}
Meter::Meter() : used_("starling_memory_bytes", "Used", metrics::Labels(), [] { return 1.0; }) {}
"""
_METERS_HEADER = "class Meter {\n  metrics::Observed used_;\n};\n"
_ERRORS = """std::string_view to_string(Error error) {
  switch (error) { case Error::none: return "none"; case Error::a: return "too-long"; }
  return "unknown";
}
"""
_SOURCES = {"src/core/a.cc": _METERS, "src/core/a.h": _METERS_HEADER, "src/xml/e.cc": _ERRORS}


def test_metrics_are_read_wherever_they_are_made(make):
    metrics = metrics_page.read(make(_SOURCES))
    read = {name: (m.type, m.unit, m.help, m.labels) for name, m in metrics.items()}
    assert read == {
        "starling_bans_total": ("counter", "number", "Refused", {"reason": ["full", "bad"]}),
        "starling_bus_ends_total": ("counter", "number", "Ends", {"error": ["too-long"]}),
        "starling_memory_bytes": ("gauge", "bytes", "Used", {}),
        "starling_stanzas_total": ("counter", "number", "Stanzas, by kind", {"kind": ["a", "b"]}),
    }


def test_metrics_page_is_up_to_date_or_not(make):
    root = make(_SOURCES)
    one(metrics_page.check(root), "out of date")
    text = metrics_page.page(metrics_page.read(root))
    assert metrics_page.check(make({metrics_page.PAGE: text})) == []
    one(metrics_page.check(make({metrics_page.PAGE: text.replace("Used", "Left")})), "out of date")


@pytest.mark.parametrize("text, finding", [
    ("auto& c = metrics::counter(name(), \"Help\");", ":2: the name of a metric is not written"),
    ("auto& c = metrics::counter(\"starling_bus_x_total\", help());", "not both literals"),
    ("auto& c = metrics::counter(\"starling_bus_x_total\");", "without a name and a help"),
    ("auto& c = metrics::gauge(\"starling_bus_x\", \"X\", labels());", "labels are not written"),
    ("auto& c = metrics::gauge(\"starling_bus_x\", \"X\", {{\"a\", b()}});", "LABELS has to say"),
    ("auto make = &metrics::counter;", "metrics::counter is not known here"),
    ("auto& s = metrics::summary(\"starling_bus_x\", \"X\");", "metrics::summary is not known"),
    ("std::optional<metrics::Observed> held;", "nothing shows what this Observed"),
    ("metrics::Observed member_;", "nothing shows what this Observed"),
    ("namespace m = starling::metrics;", "write metrics::"),
    ("auto& c = metrics::gauge(\"starling_weather\", \"X\");", "no subject"),
    ("auto& a = metrics::gauge(\"starling_bus_x\", \"X\");\n"
     "auto& b = metrics::gauge(\"starling_bus_x\", \"Y\");", ":3: starling_bus_x has another"),
])
def test_metrics_that_cannot_be_read_are_found(make, text, finding):
    one(metrics_page.check(make({"src/core/a.cc": f"\n{text}\n"})), finding)


def test_format_finds_an_unformatted_file(make):
    root = make({".clang-format": "BasedOnStyle: Google\n", "src/xml/a.cc": "int   a;\n",
                 "src/xml/b.cc": "int b;\n"})
    one(lint.check_format(root), "src/xml/a.cc:1: not formatted")


def test_code_only_keeps_lines():
    code = tree.code_only('a /* \n */ b "x//y" // c\nR"q(\n)")q" d')
    assert code.split("\n")[1].split() == ["b", '""']
    assert code.count("\n") == 3


# run_tests: a failure is never lost


def ctest(folder, cases, gtest=None):
    report = folder / "ctest.xml"
    report.write_text("<testsuite>" + "".join(
        f'<testcase name="{name}" status="{status}"/>' for name, status in cases) + "</testsuite>")
    for name, text in (gtest or {}).items():
        (folder / name).write_text(text)
    return report


def counted(count):
    return count.passed, len(count.failed), count.skipped


GTEST = """<testsuites><testsuite name="A">
<testcase name="a" status="run" result="completed" classname="A"/>
<testcase name="b" status="run" result="skipped" classname="A"><skipped/></testcase>
<testcase name="c" status="notrun" result="suppressed" classname="A"/>{}
</testsuite></testsuites>"""


def test_count_gtest_cases_and_plain_tests(tmp_path):
    report = ctest(tmp_path, [("unit.xml", "run"), ("fuzz-seeds.jid", "run")],
                   {"xml_test.xml": GTEST.format("")})
    assert counted(run_tests.count_ctest(report, tmp_path, "release", 0)) == (2, 0, 1)


def test_count_failed_case_once(tmp_path):
    failed = '<testcase name="d" status="run" classname="A"><failure/></testcase>'
    report = ctest(tmp_path, [("unit.xml", "fail")], {"xml_test.xml": GTEST.format(failed)})
    count = run_tests.count_ctest(report, tmp_path, "release", 8)
    assert counted(count) == (1, 1, 1)
    assert count.failed == ["release unit.xml A.d"]


def test_count_crash_leak_and_silent_failure(tmp_path):
    report = ctest(tmp_path, [("unit.xml", "fail")])  # crashed before it could report
    assert counted(run_tests.count_ctest(report, tmp_path, "asan", 8)) == (0, 1, 0)
    report = ctest(tmp_path, [("unit.xml", "fail")], {"xml_test.xml": GTEST.format("")})  # leaked
    assert counted(run_tests.count_ctest(report, tmp_path, "asan", 8)) == (1, 1, 1)
    assert counted(run_tests.count_ctest(tmp_path / "none", tmp_path, "asan", 8)) == (0, 1, 0)
