#include "modules/registry.h"

#include <array>

namespace starling::modules {

extern const core::Module kRoster;
extern const core::Module kSession;
extern const core::Module kLastActivity;
extern const core::Module kDisco;
extern const core::Module kPrivateXml;
extern const core::Module kVcardTemp;
extern const core::Module kCommands;
extern const core::Module kRegister;
extern const core::Module kVersion;
extern const core::Module kCaps;
extern const core::Module kAdmin;
extern const core::Module kContact;
extern const core::Module kBlocking;
extern const core::Module kPing;
extern const core::Module kTime;
extern const core::Module kCarbons;
extern const core::Module kMam;
extern const core::Module kCsi;
extern const core::Module kCaps2;
extern const core::Module kMamPrefs;

std::span<const core::Module* const> all() {
  static constexpr std::array kAll{
      &kSession,       // rfc3921_session.cc
      &kLastActivity,  // xep_0012_last_activity.cc
      &kDisco,         // xep_0030_disco.cc
      &kPrivateXml,    // xep_0049_private_xml.cc
      &kCommands,      // xep_0050_commands.cc
      &kVcardTemp,     // xep_0054_vcard_temp.cc
      &kRegister,      // xep_0077_register.cc
      &kVersion,       // xep_0092_version.cc
      &kCaps,          // xep_0115_caps.cc
      &kAdmin,         // xep_0133_admin.cc
      &kContact,       // xep_0157_contact.cc
      &kBlocking,      // xep_0191_blocking.cc
      &kPing,          // xep_0199_ping.cc
      &kTime,          // xep_0202_time.cc
      &kCarbons,       // xep_0280_carbons.cc
      &kMam,           // xep_0313_mam.cc
      &kCsi,           // xep_0352_csi.cc
      &kCaps2,         // xep_0390_caps2.cc
      &kMamPrefs,      // xep_0441_archive_preferences.cc
      &kRoster,        // rfc6121_roster.cc
  };
  return kAll;
}

}  // namespace starling::modules
