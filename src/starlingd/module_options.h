// Reads from the configuration what core and its modules are told (config/options.h). For
// config.cc.
#pragma once

#include "config/options.h"
#include "starlingd/yaml_reader.h"

namespace starling::starlingd {

// `admins`: a list of bare JIDs.
void read_admins(config::HostOptions& options, const YAML::Node& node);

// `modules`: a section for each module that has options.
void read_modules(config::HostOptions& options, const YAML::Node& node);

}  // namespace starling::starlingd
