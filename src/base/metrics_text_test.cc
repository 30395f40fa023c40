#include "base/metrics_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/histogram.h"

namespace starling::metrics {
namespace {

using testing::ContainsRegex;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

TEST(MetricsText, ACounterIsAFamilyWithoutTotalInOpenMetrics) {
  counter("starling_test_om_cups_total", "Cups", {{"of", "tea"}}).add(3);
  EXPECT_THAT(text(Format::openmetrics),
              ContainsRegex("# TYPE starling_test_om_cups counter\n"
                            "# HELP starling_test_om_cups Cups\n"
                            "starling_test_om_cups_total\\{of=\"tea\"\\} 3\n"
                            "starling_test_om_cups_created\\{of=\"tea\"\\} [0-9]+\\.[0-9]{3}\n"));
}

TEST(MetricsText, AUnitInTheNameIsSaidInOpenMetrics) {
  gauge("starling_test_om_heap_bytes", "Heap").set(7);
  gauge("starling_test_om_megabytes", "No unit of ours").set(7);
  counter("starling_test_om_read_bytes_total", "Read").add(2);
  const std::string all = text(Format::openmetrics);
  EXPECT_THAT(all, HasSubstr("# TYPE starling_test_om_heap_bytes gauge\n"
                             "# UNIT starling_test_om_heap_bytes bytes\n"
                             "# HELP starling_test_om_heap_bytes Heap\n"
                             "starling_test_om_heap_bytes 7\n"));
  EXPECT_THAT(all, HasSubstr("# UNIT starling_test_om_read_bytes bytes\n"));
  EXPECT_THAT(all, Not(HasSubstr("# UNIT starling_test_om_megabytes")));
}

TEST(MetricsText, AHistogramAddsUpItsBuckets) {
  Histogram& took = histogram("starling_test_om_wait_seconds", "Wait", {{"for", "tea"}});
  took.observe(40us);
  took.observe(1s);
  took.observe(1min);
  for (const Format format : {Format::prometheus, Format::openmetrics}) {
    const std::string all = text(format);
    EXPECT_THAT(all, HasSubstr("# TYPE starling_test_om_wait_seconds histogram\n"));
    EXPECT_THAT(all,
                HasSubstr("starling_test_om_wait_seconds_bucket{for=\"tea\",le=\"5e-05\"} 1\n"));
    EXPECT_THAT(all,
                HasSubstr("starling_test_om_wait_seconds_bucket{for=\"tea\",le=\"+Inf\"} 3\n"));
    EXPECT_THAT(all, HasSubstr("starling_test_om_wait_seconds_count{for=\"tea\"} 3\n"));
    EXPECT_THAT(all, HasSubstr("starling_test_om_wait_seconds_sum{for=\"tea\"} 61.00004\n"));
  }
  const std::string all = text(Format::openmetrics);
  EXPECT_THAT(all, HasSubstr("# UNIT starling_test_om_wait_seconds seconds\n"));
  EXPECT_THAT(all, HasSubstr("starling_test_om_wait_seconds_bucket{for=\"tea\",le=\"1.0\"} 2\n"));
  EXPECT_THAT(all, HasSubstr("starling_test_om_wait_seconds_created{for=\"tea\"} "));
}

TEST(MetricsText, OpenMetricsEscapesAndEnds) {
  gauge("starling_test_om_odd", "A \"quote\"", {{"name", "a\"b\\c\nd"}}).set(1);
  const std::string all = text(Format::openmetrics);
  EXPECT_THAT(all, HasSubstr("# HELP starling_test_om_odd A \\\"quote\\\"\n"
                             "starling_test_om_odd{name=\"a\\\"b\\\\c\\nd\"} 1\n"));
  EXPECT_THAT(all, EndsWith("\n# EOF\n"));
  EXPECT_THAT(text(Format::prometheus), Not(HasSubstr("# EOF")));
}

TEST(MetricsText, OpenMetricsIsForWhoAsksForIt) {
  for (const char* const accept :
       {"application/openmetrics-text", "Application/OpenMetrics-Text ; Version=1.0.0",
        "application/openmetrics-text; version=1.0.0; charset=utf-8;q=0.5, text/plain;q=0.5",
        // Prometheus 2.42
        "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
        "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"}) {
    EXPECT_EQ(format_for(accept), Format::openmetrics) << accept;
  }
  for (const char* const accept :
       {"", "*/*", "text/plain", "application/*", "application/openmetrics-text;q=0",
        "application/openmetrics-text;version=0.0.1", "application/openmetrics-text;q=x",
        "application/openmetrics-text;q=0.4, text/plain", "text/html, application/xml;q=0.9",
        ",;=,;q=", "application/openmetrics-text;q=-1"}) {
    EXPECT_EQ(format_for(accept), Format::prometheus) << accept;
  }
}

}  // namespace
}  // namespace starling::metrics
