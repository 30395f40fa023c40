#include "modules/registry.h"

#include <array>

namespace starling::modules {

extern const core::Module kRoster;
extern const core::Module kSession;
extern const core::Module kDisco;
extern const core::Module kPrivateXml;
extern const core::Module kVcardTemp;
extern const core::Module kVersion;
extern const core::Module kCaps;
extern const core::Module kBlocking;
extern const core::Module kPing;
extern const core::Module kTime;
extern const core::Module kCarbons;
extern const core::Module kCsi;

std::span<const core::Module* const> all() {
  static constexpr std::array<const core::Module*, 12> kAll{
      &kSession,     // rfc3921_session.cc
      &kDisco,       // xep_0030_disco.cc
      &kPrivateXml,  // xep_0049_private_xml.cc
      &kVcardTemp,   // xep_0054_vcard_temp.cc
      &kVersion,     // xep_0092_version.cc
      &kCaps,        // xep_0115_caps.cc
      &kBlocking,    // xep_0191_blocking.cc
      &kPing,        // xep_0199_ping.cc
      &kTime,        // xep_0202_time.cc
      &kCarbons,     // xep_0280_carbons.cc
      &kCsi,         // xep_0352_csi.cc
      &kRoster,      // rfc6121_roster.cc
  };
  return kAll;
}

}  // namespace starling::modules
