// What the stream scanner costs: messages per second ("items"), and time per message.
//
//   cmake --preset bench && ninja -C build/bench xml_bench && build/bench/bench/xml_bench
#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "xml/stream_scanner.h"
#include "xml/writer.h"

namespace {

using namespace starling::xml;

constexpr std::string_view kHeader =
    "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
    "to='example.com' version='1.0'>";

// A chat message as clients send it, of `bytes` bytes in all.
std::string message(std::size_t bytes) {
  const std::string head =
      bytes < 200 ? "<message to='romeo@example.net' type='chat' id='a7'><body>"
                  : "<message from='juliet@example.com/balcony' to='romeo@example.net/orchard' "
                    "type='chat' id='ktx72v49' xml:lang='en'><active "
                    "xmlns='http://jabber.org/protocol/chatstates'/><request "
                    "xmlns='urn:xmpp:receipts'/><body>";
  const std::string foot = "</body></message>";
  std::string text;
  while (head.size() + text.size() + foot.size() < bytes) text += "Art thou not Romeo? ";
  text.resize(bytes - head.size() - foot.size());
  return head + text + foot;
}

StreamScanner opened(const Limits& limits) {
  StreamScanner scanner(&limits);
  std::string_view header = kHeader;
  benchmark::DoNotOptimize(scanner.next(header));
  return scanner;
}

void count(benchmark::State& state, std::size_t stanzas, std::size_t bytes) {
  const auto n = static_cast<std::int64_t>(state.iterations());
  state.SetItemsProcessed(n * static_cast<std::int64_t>(stanzas));
  state.SetBytesProcessed(n * static_cast<std::int64_t>(bytes));
}

// One message, whole in the input: the way of nearly all.
void scan_message(benchmark::State& state) {
  const Limits limits;
  StreamScanner scanner = opened(limits);
  const std::string text = message(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    std::string_view input = text;
    benchmark::DoNotOptimize(scanner.next(input));
  }
  count(state, 1, text.size());
}
BENCHMARK(scan_message)->Arg(100)->Arg(300)->Arg(400)->Arg(4'000);

// Messages of 400 bytes cut at every `range` bytes, as the network may cut them.
void scan_message_in_parts(benchmark::State& state) {
  const Limits limits;
  StreamScanner scanner = opened(limits);
  const std::string text = message(400);
  const auto part = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) {
    for (std::size_t i = 0; i < text.size(); i += part) {
      std::string_view input = std::string_view(text).substr(i, part);
      benchmark::DoNotOptimize(scanner.next(input));
    }
  }
  count(state, 1, text.size());
}
BENCHMARK(scan_message_in_parts)->Arg(1)->Arg(150);

// What a router asks of a stanza.
void read_message(benchmark::State& state) {
  const DocumentPtr document = Document::parse(message(400), "jabber:client");
  for (auto _ : state) {
    const Element root = document->root();
    benchmark::DoNotOptimize(root.is("message", "jabber:client"));
    benchmark::DoNotOptimize(root.attribute("to"));
    benchmark::DoNotOptimize(root.attribute("type"));
    benchmark::DoNotOptimize(root.child("body", "jabber:client"));
  }
}
BENCHMARK(read_message);

void write_message(benchmark::State& state) {
  for (auto _ : state) {
    Writer w;
    w.open("message").attribute("to", "romeo@example.net/orchard").attribute("type", "chat");
    w.element("body", "", "Art thou not Romeo, and a Montague?").close();
    benchmark::DoNotOptimize(std::move(w).take());
  }
  count(state, 1, 0);
}
BENCHMARK(write_message);

}  // namespace
