// All metrics as text, in either of the formats that Prometheus reads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/metrics.h"

namespace starling::metrics {

enum class Format : std::uint8_t {
  prometheus,   // Prometheus' text format 0.0.4
  openmetrics,  // OpenMetrics 1.0
};

// Which of them an Accept header asks for (RFC 9110 section 12.5.1): OpenMetrics if that is named
// and nothing else is preferred to it, else the one that everybody reads.
[[nodiscard]] Format format_for(std::string_view accept);
// "text/plain; version=0.0.4"
[[nodiscard]] std::string_view content_type(Format format);
// All metrics, by name.
[[nodiscard]] std::string text(Format format);

}  // namespace starling::metrics
