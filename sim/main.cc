// starling_sim: runs scenarios with many seeds, each in a process of its own, so that a crash is
// found as any other failure; or one seed, and says what happens.
#include <dirent.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "sim/world.h"

namespace {

using namespace starling;

// Of real time; a run takes a second or so.
constexpr int kHangs = 300;

struct Options {
  unsigned seeds = 0;
  std::uint64_t seed = 1;
  std::vector<std::string> scenarios;
  unsigned jobs = std::max(1U, std::thread::hardware_concurrency());
  bool twice = false;
  bool quiet = false;
};

struct File {
  std::string path;
  std::string text;
};

struct Totals {
  std::uint64_t runs = 0;
  std::uint64_t failures = 0;
  sim::Counts counts;
};

void add(sim::Counts& to, const sim::Counts& more) {
  to.messages += more.messages;
  to.acknowledged += more.acknowledged;
  to.answered += more.answered;
  to.seen += more.seen;
  to.sent_again += more.sent_again;
  to.handed_again += more.handed_again;
  to.two_ids += more.two_ids;
  to.claimed += more.claimed;
  to.rehomed += more.rehomed;
  to.spared += more.spared;
}

std::string name_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

std::vector<File> read_files(std::vector<std::string> paths) {
  if (paths.empty()) {
    DIR* folder = ::opendir(STARLING_SCENARIOS);
    while (const dirent* entry = folder == nullptr ? nullptr : ::readdir(folder)) {
      const std::string name = entry->d_name;
      if (name.ends_with(".sim")) paths.push_back(std::string(STARLING_SCENARIOS "/") + name);
    }
    if (folder != nullptr) ::closedir(folder);
    std::ranges::sort(paths);
  }
  std::vector<File> files;
  for (const std::string& path : paths) {
    std::ifstream in(path);
    if (!in) in.open(std::string(STARLING_SCENARIOS "/") + path + ".sim");
    std::ostringstream text;
    text << in.rdbuf();
    if (!in) {
      std::fprintf(stderr, "%s cannot be read\n", path.c_str());
      std::exit(2);
    }
    files.push_back({path, std::move(text).str()});
  }
  return files;
}

sim::Scenario scenario_of(const File& file, std::uint64_t seed) {
  sim::Random random(seed * 7'919);
  auto scenario = sim::read_scenario(file.text, random);
  if (!scenario) {
    std::fprintf(stderr, "%s: %s\n", file.path.c_str(), scenario.error().message.c_str());
    std::exit(2);
  }
  scenario->name = name_of(file.path);
  return std::move(*scenario);
}

struct Result {
  std::vector<std::string> violations;
  sim::Counts counts;
  std::uint64_t trace = 0;
  std::uint64_t events = 0;
};

Result run_one(const File& file, std::uint64_t seed, bool verbose) {
  // Never destroyed: what was under way in it when it ended cannot be.
  auto* const world = new sim::World(scenario_of(file, seed), seed, verbose);
  Result result;
  result.violations = world->run();
  result.counts = world->counts();
  result.trace = world->clock().trace();
  result.events = world->clock().events();
  return result;
}

int replay(const File& file, std::uint64_t seed, const Options& options) {
  log::configure(options.quiet ? log::Level::error : log::Level::info, log::Format::text);
  const Result result = run_one(file, seed, !options.quiet);
  for (const std::string& violation : result.violations) std::printf("%s\n", violation.c_str());
  std::printf(
      "%s seed %llu: %zu violations; %llu messages, %llu acknowledged; %llu events, "
      "trace %016llx\n",
      name_of(file.path).c_str(), static_cast<unsigned long long>(seed), result.violations.size(),
      static_cast<unsigned long long>(result.counts.messages),
      static_cast<unsigned long long>(result.counts.acknowledged),
      static_cast<unsigned long long>(result.events),
      static_cast<unsigned long long>(result.trace));
  std::fflush(stdout);
  if (options.twice && run_one(file, seed, false).trace != result.trace) {
    std::printf("the second run of the seed was another\n");
    return 1;
  }
  return result.violations.empty() ? 0 : 1;
}

// --- many, in processes ---

struct Child {
  std::size_t file = 0;
  std::uint64_t seed = 0;
  int out = -1;
};

Child begin_child(const std::vector<File>& files, std::size_t file, std::uint64_t seed, bool twice,
                  std::map<pid_t, Child>& children) {
  int ends[2];
  if (::pipe(ends) != 0) std::exit(2);
  const pid_t pid = ::fork();
  if (pid < 0) std::exit(2);
  if (pid == 0) {
    ::close(ends[0]);
    // Of processor time: whatever else the machine does.
    const itimerval hangs{.it_interval = {}, .it_value = {.tv_sec = kHangs, .tv_usec = 0}};
    ::setitimer(ITIMER_PROF, &hangs, nullptr);
    // What a failed assertion says is part of the result.
    ::dup2(ends[1], 2);
    log::Settings settings;
    settings.file = "/dev/null";
    static_cast<void>(log::configure(settings));
    log::set_level(log::Level::error);
    const Result result = run_one(files[file], seed, false);
    std::ostringstream said;
    for (const std::string& violation : result.violations) said << "  " << violation << '\n';
    bool good = result.violations.empty();
    if (twice && run_one(files[file], seed, false).trace != result.trace) {
      said << "  the second run of the seed was another\n";
      good = false;
    }
    const std::string text = said.str().substr(0, 3'000);
    if (::write(2, text.data(), text.size()) < 0) ::_exit(2);
    if (::write(ends[1], &result.counts, sizeof result.counts) < 0) ::_exit(2);
    ::_exit(good ? 0 : 1);
  }
  ::close(ends[1]);
  return children[pid] = {file, seed, ends[0]};
}

void end_child(const std::vector<File>& files, std::map<pid_t, Child>& children,
               std::vector<Totals>& totals) {
  int status = 0;
  const pid_t pid = ::wait(&status);
  const auto found = children.find(pid);
  if (found == children.end()) return;
  const Child child = found->second;
  children.erase(found);
  std::string said;
  char buffer[4'096];
  for (ssize_t n = 0; (n = ::read(child.out, buffer, sizeof buffer)) > 0;) {
    said.append(buffer, static_cast<std::size_t>(n));
  }
  ::close(child.out);
  Totals& total = totals[child.file];
  ++total.runs;
  const bool ended = WIFEXITED(status) && WEXITSTATUS(status) <= 1;
  if (ended && said.size() >= sizeof(sim::Counts)) {
    sim::Counts counts;
    const std::size_t at = said.size() - sizeof counts;
    std::copy_n(said.data() + at, sizeof counts, reinterpret_cast<char*>(&counts));
    add(total.counts, counts);
    said.resize(at);
  }
  if (ended && WEXITSTATUS(status) == 0) return;
  ++total.failures;
  const std::string name = name_of(files[child.file].path);
  std::printf("FAILED %s seed %llu%s\n%s  replay: ./x sim --scenario %s --seed %llu\n",
              name.c_str(), static_cast<unsigned long long>(child.seed),
              WIFSIGNALED(status) ? WTERMSIG(status) == SIGPROF ? " (hangs)" : " (crashed)" : "",
              said.c_str(), name.substr(0, name.rfind('.')).c_str(),
              static_cast<unsigned long long>(child.seed));
  std::fflush(stdout);
}

int run_many(const std::vector<File>& files, const Options& options) {
  std::map<pid_t, Child> children;
  std::vector<Totals> totals(files.size());
  for (std::size_t file = 0; file < files.size(); ++file) {
    const unsigned cost = scenario_of(files[file], options.seed).cost;
    const unsigned seeds = std::max(1U, options.seeds / std::max(1U, cost));
    for (unsigned i = 0; i < seeds; ++i) {
      while (children.size() >= options.jobs) end_child(files, children, totals);
      begin_child(files, file, options.seed + i, options.twice && i == 0, children);
    }
  }
  while (!children.empty()) end_child(files, children, totals);
  Totals all;
  std::printf("%-12s %6s %6s %9s %9s %8s %7s %7s %7s %7s %7s %7s\n", "scenario", "seeds", "failed",
              "messages", "acked", "errors", "resent", "again", "twice", "claimed", "rehomed",
              "spared");
  const auto row = [](const std::string& name, const Totals& t) {
    const auto n = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
    std::printf("%-12s %6llu %6llu %9llu %9llu %8llu %7llu %7llu %7llu %7llu %7llu %7llu\n",
                name.c_str(), n(t.runs), n(t.failures), n(t.counts.messages),
                n(t.counts.acknowledged), n(t.counts.answered), n(t.counts.sent_again),
                n(t.counts.handed_again), n(t.counts.two_ids), n(t.counts.claimed),
                n(t.counts.rehomed), n(t.counts.spared));
  };
  for (std::size_t file = 0; file < files.size(); ++file) {
    row(name_of(files[file].path), totals[file]);
    all.runs += totals[file].runs;
    all.failures += totals[file].failures;
    add(all.counts, totals[file].counts);
  }
  row("all", all);
  return all.failures == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"Runs simulated clusters; sim/README.md says what is checked."};
  auto* const seeds =
      app.add_option("--seeds", options.seeds, "how many of each scenario (default: 20)");
  auto* const seed =
      app.add_option("--seed", options.seed, "the first; alone: runs it and says what happens");
  app.add_option("--scenario", options.scenarios, "a file, or a name in sim/scenarios");
  app.add_option("--jobs", options.jobs, "how many at a time (default: one a core)");
  app.add_flag("--twice", options.twice,
               "the first seed of each scenario is run twice, which must come to the same");
  app.add_flag("--quiet", options.quiet, "says only how it ended");
  CLI11_PARSE(app, argc, argv);
  const std::vector<File> files = read_files(options.scenarios);
  if (files.empty()) return 2;
  if (seed->count() > 0 && seeds->count() == 0) {
    int worst = 0;
    for (const File& file : files) {
      worst = std::max(worst, replay(file, options.seed, options));
    }
    std::fflush(stdout);
    ::_exit(worst);  // see run_one
  }
  if (seeds->count() == 0) options.seeds = 20;
  return run_many(files, options);
}
