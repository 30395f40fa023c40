#include "admin/ctl_socket.h"

#include <unistd.h>

#include <utility>

#include "base/log.h"

namespace starling::admin {

namespace {

constexpr std::size_t kMaxRequestBytes = 65'536;
// Of a command that goes on: more than this does not wait for a caller.
constexpr std::size_t kMaxWaitingBytes = 1024 * 1024;

std::string one_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json error_answer(const std::string& message) {
  return Json{{"ok", false}, {"error", message}};
}

struct Request {
  std::string command;
  std::vector<std::string> arguments;
};

Result<Request> parse_request(const std::string& line) {
  const Json json = Json::parse(line, nullptr, false);
  const auto command = json.is_object() ? json.find("command") : json.end();
  if (command == json.end() || !command->is_string()) {
    return fail(Errc::invalid, "expected {\"command\": NAME, \"arguments\": [...]}");
  }
  Request request{command->get<std::string>(), {}};
  const auto arguments = json.find("arguments");
  if (arguments == json.end()) return request;
  if (!arguments->is_array()) return fail(Errc::invalid, "arguments is a list");
  for (const auto& argument : *arguments) {
    if (!argument.is_string()) return fail(Errc::invalid, "arguments are strings");
    request.arguments.push_back(argument.get<std::string>());
  }
  return request;
}

}  // namespace

// One connection: collects a line, then waits for its answer.
class CtlSocket::Caller final : public net::ConnectionHandler {
 public:
  Caller(CtlSocket& socket, std::uint64_t id, std::shared_ptr<net::SocketConnection> connection,
         uid_t uid)
      : socket_(socket), id_(id), connection_(std::move(connection)), uid_(uid) {}

  void on_data(std::string_view bytes) override {
    if (asked_) return;
    line_ += bytes;
    if (line_.size() > kMaxRequestBytes) return reply(error_answer("the request is too long"));
    const auto end = line_.find('\n');
    if (end == std::string::npos) return;
    line_.resize(end);
    asked_ = true;
    socket_.gate_.spawn(socket_.answer(id_, uid_, std::move(line_)));
  }
  void on_tls_established() override {}
  void on_disconnected(net::CloseReason, std::string_view) override {
    const auto audience = std::move(audience_);
    socket_.callers_.erase(id_);
    if (audience) audience->leave();
  }

  void reply(const Json& answer) {
    connection_->send(one_line(answer));
    connection_->close();
  }
  // One line of a command that goes on; false if it does not take it.
  bool tell(const Json& line) {
    if (!connection_->is_open() || connection_->queued_bytes() > kMaxWaitingBytes) return false;
    connection_->send(one_line(Json{{"ok", true}, {"line", line}}));
    return true;
  }
  [[nodiscard]] std::shared_ptr<Audience>& audience() { return audience_; }
  void drop_if_silent() {
    if (!asked_) connection_->abort();
  }

 private:
  CtlSocket& socket_;
  std::uint64_t id_;
  std::shared_ptr<net::SocketConnection> connection_;
  uid_t uid_;
  std::string line_;
  std::shared_ptr<Audience> audience_;  // of a command that goes on
  bool asked_ = false;
};

CtlSocket::CtlSocket(Admin& admin) : admin_(admin) {}

CtlSocket::~CtlSocket() = default;

Result<std::unique_ptr<CtlSocket>> CtlSocket::open(net::IoLoop& loop, const std::string& path,
                                                   Admin& admin) {
  std::unique_ptr<CtlSocket> socket(new CtlSocket(admin));
  auto* self = socket.get();
  auto listener = net::UnixListener::open(
      loop, path, [self](std::shared_ptr<net::SocketConnection> connection, uid_t uid) {
        self->accepted(std::move(connection), uid);
      });
  if (!listener) return std::unexpected(listener.error());
  socket->listener_ = std::move(*listener);
  return socket;
}

void CtlSocket::accepted(std::shared_ptr<net::SocketConnection> connection, uid_t uid) {
  const std::uint64_t id = ++last_caller_;
  auto caller = std::make_unique<Caller>(*this, id, connection, uid);
  connection->set_handler(caller.get());
  Caller& known = *callers_.emplace(id, std::move(caller)).first->second;
  connection->start(nullptr);
  if (uid != 0 && uid != ::geteuid()) {
    log::warning("ctl_denied", {{"uid", uid}});
    known.reply(error_answer("only root and the server's own user may do this"));
  }
}

Task<void> CtlSocket::answer(std::uint64_t caller, uid_t uid, std::string line) {
  auto request = parse_request(line);
  Json answer;
  if (request) {
    auto audience = audience_for(caller, request->command);
    admin::Caller who{.who = "uid " + std::to_string(uid), .from = "starlingctl"};
    const auto result =
        co_await admin_.run(std::move(request->command), std::move(request->arguments),
                            std::move(audience), std::move(who));
    answer =
        result ? Json{{"ok", true}, {"result", *result}} : error_answer(result.error().message);
  } else {
    answer = error_answer(request.error().message);
  }
  const auto found = callers_.find(caller);
  if (found != callers_.end()) found->second->reply(answer);
}

std::shared_ptr<Audience> CtlSocket::audience_for(std::uint64_t caller,
                                                  const std::string& command) {
  const commands::Command* known = commands::find(command);
  const auto found = callers_.find(caller);
  if (known == nullptr || !known->goes_on) return nullptr;
  auto audience = std::make_shared<Audience>([this, caller](const Json& line) {
    const auto there = callers_.find(caller);
    return there != callers_.end() && there->second->tell(line);
  });
  if (found == callers_.end()) {
    audience->leave();
  } else {
    found->second->audience() = audience;
  }
  return audience;
}

void CtlSocket::close(Callback done) {
  listener_->close();
  std::vector<std::shared_ptr<Audience>> audiences;
  for (auto& [id, caller] : callers_) {
    caller->drop_if_silent();
    if (caller->audience()) audiences.push_back(caller->audience());
  }
  for (const auto& audience : audiences) audience->leave();
  gate_.close(std::move(done));
}

}  // namespace starling::admin
