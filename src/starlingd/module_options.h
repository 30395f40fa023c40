// Reads from the configuration what core and its modules are told (core/options.h). For config.cc.
#pragma once

#include "core/options.h"
#include "starlingd/yaml_reader.h"

namespace starling::starlingd {

// `admins`: a list of bare JIDs.
void read_admins(core::Options& options, const YAML::Node& node);

// `modules`: a section for each module that has options.
void read_modules(core::Options& options, const YAML::Node& node);

}  // namespace starling::starlingd
