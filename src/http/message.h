// What is asked and answered over HTTP (RFC 9110), as handlers see it.
#pragma once

#include <any>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/event_loop.h"
#include "net/connection.h"

namespace starling::http {

// The fields of a header, in their order. Names are compared without regard to case.
class Fields {
 public:
  using Field = std::pair<std::string, std::string>;

  Fields() = default;
  Fields(std::initializer_list<Field> fields) : fields_(fields) {}

  void add(std::string name, std::string value) {
    fields_.emplace_back(std::move(name), std::move(value));
  }
  // The value of the first of that name; "" if there is none.
  [[nodiscard]] std::string_view get(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const { return count(name) > 0; }
  [[nodiscard]] std::size_t count(std::string_view name) const;
  // All of that name as one list (RFC 9110 section 5.3).
  [[nodiscard]] std::string joined(std::string_view name) const;
  // Whether the list of that name has this token, in any case: "gzip" in Accept-Encoding. A token
  // with the weight q=0 is not there.
  [[nodiscard]] bool lists(std::string_view name, std::string_view token) const;

  [[nodiscard]] auto begin() const { return fields_.begin(); }
  [[nodiscard]] auto end() const { return fields_.end(); }

 private:
  std::vector<Field> fields_;
};

struct Request {
  std::string method;  // "GET"
  std::string path;    // as it was sent, without the query
  std::string query;   // what is behind "?", as it was sent
  Fields fields;
  std::string body;
  std::string remote;   // the client's address; behind a trusted proxy, as that says
  bool secure = false;  // TLS, to us or to a trusted proxy
  // By a proxy on this machine that is not trusted to say for whom.
  bool relayed = false;
  std::any attachment;  // of the listener: HttpOptions::attachment

  // Nobody on the way can read or change it: it came by TLS or from this very machine.
  [[nodiscard]] bool is_private() const;
  // The value of a cookie; "" if there is none.
  [[nodiscard]] std::string cookie(std::string_view name) const;
};

// An answer that goes on: its body is sent piece by piece. On the loop of its connection.
class Stream {
 public:
  virtual ~Stream() = default;
  // False if it is not taken: the client is gone, or too much waits for it.
  virtual bool send(std::string_view bytes) = 0;
  // The body is complete.
  virtual void end() = 0;
  // Runs once, when the client is gone before end().
  virtual void when_gone(Callback fn) = 0;
};

struct Response {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body;
  Fields fields;
  // Instead of a body, if it is set: called once the header is on its way.
  std::move_only_function<void(std::shared_ptr<Stream>)> stream;
  // With status 101: the connection speaks another protocol from now on. Called once the header is
  // on its way, with what the client sent behind its request; the callee sets a handler.
  std::move_only_function<void(std::shared_ptr<net::Connection>, std::string_view rest)> take_over;
};

// The name=value pairs of a query or an HTML form, decoded, in their order. Nothing if it is not
// well-formed.
[[nodiscard]] std::optional<std::vector<std::pair<std::string, std::string>>> parse_query(
    std::string_view query);

// The reason phrase of a status: "Not Found".
[[nodiscard]] std::string reason(unsigned status);

// An error as RFC 9457 has it: application/problem+json.
[[nodiscard]] Response problem(unsigned status, std::string_view detail = {});

}  // namespace starling::http
