#include "xmpp/jid.h"

#include <atomic>
#include <cassert>
#include <cstdlib>
#include <cstring>
#include <new>

#include "xmpp/jid_parts.h"

namespace starling::xmpp {

// The characters of full() follow this header in the same block.
struct Jid::Rep {
  mutable std::atomic<std::uint32_t> references{0};
  std::uint16_t local = 0;  // lengths in octets
  std::uint16_t domain = 0;
  std::uint16_t resource = 0;

  [[nodiscard]] const char* characters() const { return reinterpret_cast<const char*>(this + 1); }
  [[nodiscard]] char* characters() { return reinterpret_cast<char*>(this + 1); }
  [[nodiscard]] std::size_t domain_at() const { return local == 0 ? 0 : local + 1U; }
  [[nodiscard]] std::size_t bare_size() const { return domain_at() + domain; }
  [[nodiscard]] std::size_t full_size() const {
    return bare_size() + (resource == 0 ? 0 : 1U + resource);
  }

  // From prepared parts.
  static boost::intrusive_ptr<const Rep> make(std::string_view local_part,
                                              std::string_view domain_part,
                                              std::string_view resource_part);
};

namespace {

char* append(char* to, std::string_view text) {
  std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

}  // namespace

boost::intrusive_ptr<const Jid::Rep> Jid::Rep::make(std::string_view local_part,
                                                    std::string_view domain_part,
                                                    std::string_view resource_part) {
  assert(!domain_part.empty() && "a JID has a domainpart");
  assert(local_part.size() <= kMaxJidPart && domain_part.size() <= kMaxJidPart &&
         resource_part.size() <= kMaxJidPart);
  const std::size_t room = local_part.size() + domain_part.size() + resource_part.size() + 2;
  void* block = std::malloc(sizeof(Rep) + room);
  if (block == nullptr) throw std::bad_alloc();
  Rep* rep = new (block) Rep;
  rep->local = static_cast<std::uint16_t>(local_part.size());
  rep->domain = static_cast<std::uint16_t>(domain_part.size());
  rep->resource = static_cast<std::uint16_t>(resource_part.size());
  char* to = rep->characters();
  if (!local_part.empty()) {
    to = append(to, local_part);
    *to++ = '@';
  }
  to = append(to, domain_part);
  if (!resource_part.empty()) {
    *to++ = '/';
    append(to, resource_part);
  }
  return rep;
}

void intrusive_ptr_add_ref(const Jid::Rep* rep) noexcept {
  rep->references.fetch_add(1, std::memory_order_relaxed);
}

void intrusive_ptr_release(const Jid::Rep* rep) noexcept {
  if (rep->references.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    rep->~Rep();
    std::free(const_cast<Jid::Rep*>(rep));
  }
}

Jid::Jid(boost::intrusive_ptr<const Rep> rep) : rep_(std::move(rep)) {}

std::optional<Jid> Jid::parse(std::string_view text) {
  // RFC 7622 section 3.1: first the resourcepart goes, then the localpart. A separator promises a
  // part, so an empty one is an error here, unlike in make().
  const std::size_t slash = text.find('/');
  std::string_view resource;
  if (slash != std::string_view::npos) {
    resource = text.substr(slash + 1);
    if (resource.empty()) return std::nullopt;
    text = text.substr(0, slash);
  }
  const std::size_t at = text.find('@');
  std::string_view local;
  if (at != std::string_view::npos) {
    local = text.substr(0, at);
    if (local.empty()) return std::nullopt;
    text = text.substr(at + 1);
  }
  return make(local, text, resource);
}

std::optional<Jid> Jid::make(std::string_view local, std::string_view domain,
                             std::string_view resource) {
  const auto domain_part = prepare_domain_part(domain);
  if (!domain_part) return std::nullopt;
  std::optional<PreparedPart> local_part(std::in_place, std::string_view());
  if (!local.empty()) local_part = prepare_local_part(local);
  if (!local_part) return std::nullopt;
  std::optional<PreparedPart> resource_part(std::in_place, std::string_view());
  if (!resource.empty()) resource_part = prepare_resource_part(resource);
  if (!resource_part) return std::nullopt;
  return Jid(Rep::make(local_part->view(), domain_part->view(), resource_part->view()));
}

std::string_view Jid::local() const {
  return rep_ ? std::string_view(rep_->characters(), rep_->local) : std::string_view();
}

std::string_view Jid::domain() const {
  return rep_ ? std::string_view(rep_->characters() + rep_->domain_at(), rep_->domain)
              : std::string_view();
}

std::string_view Jid::resource() const {
  if (!rep_ || rep_->resource == 0) return {};
  return {rep_->characters() + rep_->bare_size() + 1, rep_->resource};
}

std::string_view Jid::bare() const {
  return rep_ ? std::string_view(rep_->characters(), rep_->bare_size()) : std::string_view();
}

std::string_view Jid::full() const {
  return rep_ ? std::string_view(rep_->characters(), rep_->full_size()) : std::string_view();
}

Jid Jid::to_bare() const {
  if (is_bare()) return *this;
  return Jid(Rep::make(local(), domain(), {}));
}

std::optional<Jid> Jid::with_resource(std::string_view resource) const {
  if (!rep_) return std::nullopt;
  const auto part = prepare_resource_part(resource);
  if (!part) return std::nullopt;
  return Jid(Rep::make(local(), domain(), part->view()));
}

namespace {

std::optional<std::string> to_string(const std::optional<PreparedPart>& part) {
  if (!part) return std::nullopt;
  return std::string(part->view());
}

}  // namespace

std::optional<std::string> prepare_local(std::string_view text) {
  return to_string(prepare_local_part(text));
}

std::optional<std::string> prepare_domain(std::string_view text) {
  return to_string(prepare_domain_part(text));
}

std::optional<std::string> prepare_resource(std::string_view text) {
  return to_string(prepare_resource_part(text));
}

}  // namespace starling::xmpp
