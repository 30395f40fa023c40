#include "core/node_calls.h"

#include <chrono>
#include <utility>
#include <vector>

#include "cluster/cluster.h"
#include "core/parcels.h"
#include "core/remote.h"
#include "core/server.h"
#include "core/worker.h"

namespace starling::core {

using cluster::Decoder;
using cluster::Encoder;
using cluster::NodeId;

namespace {
// What operators do may read much.
constexpr std::chrono::seconds kAnswerTime{20};
constexpr const char* kStopping = "this node stops";
}  // namespace

Task<Result<std::string>> NodeCalls::call(NodeId node, std::string procedure,
                                          std::string arguments) {
  // Whoever waits for this would be waited for.
  if (worker_.gate().closed()) co_return fail(Errc::unavailable, kStopping);
  const std::uint64_t number = worker_.remote().next_number();
  Completion<Result<std::string>> answer([&](auto resume) {
    const TimerId timer = worker_.loop().run_after(kAnswerTime, [this, number] {
      answered(number, fail(Errc::timeout, "the account's node does not answer"));
    });
    waiting_.emplace(number, Waiting{node, timer, std::move(resume)});
    Encoder parcel = begin_parcel(ParcelKind::call, "");
    parcel.number(number).text(procedure).rest(arguments);
    if (worker_.remote().send(node, std::move(parcel))) return;
    worker_.loop().post(
        [this, number] { answered(number, fail(Errc::unavailable, "that node is gone")); });
  });
  co_return co_await answer;
}

void NodeCalls::answered(std::uint64_t number, Result<std::string> result) {
  const auto found = waiting_.find(number);
  if (found == waiting_.end()) return;
  worker_.loop().cancel(found->second.timer);
  auto resume = std::move(found->second.resume);
  waiting_.erase(found);
  resume(std::move(result));
}

void NodeCalls::take_call(NodeId from, Decoder& parcel) {
  const std::uint64_t number = parcel.number();
  std::string procedure(parcel.text());
  std::string arguments(parcel.rest());
  if (parcel.bad()) return;
  if (worker_.gate().spawn(run(from, number, std::move(procedure), std::move(arguments)))) return;
  answer(from, number, fail(Errc::unavailable, kStopping));
}

Task<void> NodeCalls::run(NodeId from, std::uint64_t number, std::string procedure,
                          std::string arguments) {
  Result<std::string> result = fail(Errc::invalid, "this node knows no such call");
  const auto& procedures = worker_.server().procedures();
  const auto found = procedures.find(procedure);
  if (found != procedures.end()) {
    result = co_await found->second(worker_.server(), std::move(arguments));
  }
  answer(from, number, result);
}

void NodeCalls::answer(NodeId to, std::uint64_t number, const Result<std::string>& result) {
  Encoder parcel = begin_parcel(ParcelKind::answer, number);
  if (result) {
    parcel.number(kBound).rest(*result);
  } else {
    parcel.number(static_cast<std::uint64_t>(result.error().code)).rest(result.error().message);
  }
  worker_.remote().send(to, std::move(parcel));
}

void NodeCalls::take_answer(std::uint64_t number, Decoder& parcel) {
  const std::uint64_t code = parcel.number();
  std::string text(parcel.rest());
  if (parcel.bad()) return;
  if (code == kBound) return answered(number, std::move(text));
  const bool known = code <= static_cast<std::uint64_t>(Errc::internal);
  answered(number, fail(known ? static_cast<Errc>(code) : Errc::internal, std::move(text)));
}

void NodeCalls::peer_gone(NodeId peer) {
  std::vector<std::uint64_t> lost;
  for (const auto& [number, waiting] : waiting_) {
    if (peer == 0 || waiting.node == peer) lost.push_back(number);
  }
  for (const std::uint64_t number : lost) {
    answered(number, fail(Errc::unavailable, "that node is gone"));
  }
}

Task<Result<std::string>> call_node(Server& server, NodeId node, std::string procedure,
                                    std::string arguments) {
  std::size_t here = 0;
  while (&server.worker(here).loop() != EventLoop::current()) ++here;
  co_return co_await server.worker(here).calls().call(node, std::move(procedure),
                                                      std::move(arguments));
}

NodeId other_place(Server& server, const xmpp::Jid& account) {
  if (server.cluster() == nullptr) return 0;
  const NodeId place = server.worker(0).remote().homes().place_of(account.bare());
  return place == server.cluster()->self() ? 0 : place;
}

std::vector<NodeId> other_nodes(const Server& server) {
  return server.cluster() == nullptr ? std::vector<NodeId>() : server.cluster()->others();
}

}  // namespace starling::core
