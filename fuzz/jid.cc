// Any bytes as a JID: what parses must be a fixed point of preparation, part by part and as a
// whole, and nothing may be accepted that RFC 7622 bounds or forbids.
#include "xmpp/jid.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "xmpp/precis.h"

namespace {

using starling::xmpp::Jid;

void require(bool ok) {
  if (!ok) std::abort();
}

void check_part(std::string_view part, std::optional<std::string> (*prepare)(std::string_view)) {
  const auto prepared = prepare(part);
  if (!prepared) return;
  require(!prepared->empty() && prepared->size() <= 1023);
  require(starling::xmpp::is_utf8(*prepared));
  require(prepare(*prepared) == prepared);
}

// ASCII does not go through ICU; it must come out as if it did.
void check_shortcuts(std::string_view text) {
  auto opaque = starling::xmpp::enforce_opaque_string(text);
  if (opaque && opaque->size() > 1023) opaque.reset();
  require(starling::xmpp::prepare_resource(text) == opaque);
  auto username = starling::xmpp::enforce_username_case_mapped(text);
  if (username &&
      (username->size() > 1023 || username->find_first_of("\"&'/:<>@") != std::string::npos)) {
    username.reset();
  }
  require(starling::xmpp::prepare_local(text) == username);
}

void check_jid(const Jid& jid) {
  const auto again = Jid::parse(jid.str());
  require(again && *again == jid);
  require(again->local() == jid.local() && again->domain() == jid.domain() &&
          again->resource() == jid.resource());
  require(Jid::make(jid.local(), jid.domain(), jid.resource()) == again);
  const Jid bare = jid.to_bare();
  require(bare.full() == jid.bare() && bare.is_bare());
  require(jid.local().find_first_of("\"&'/:<>@ ") == std::string_view::npos);
  require(jid.domain().find_first_of("/@ \"") == std::string_view::npos);
  if (!jid.resource().empty()) require(bare.with_resource(jid.resource()) == jid);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_part(text, starling::xmpp::prepare_local);
  check_part(text, starling::xmpp::prepare_domain);
  check_part(text, starling::xmpp::prepare_resource);
  if (size <= 1023) check_shortcuts(text);
  if (const auto jid = Jid::parse(text)) {
    check_jid(*jid);
    if (const auto other = jid->with_resource(text)) check_jid(*other);
  }
  return 0;
}
