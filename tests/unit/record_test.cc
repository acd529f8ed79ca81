#include "proxy/core/record.h"

#include <doctest/doctest.h>

namespace hotlink {
namespace {

TEST_CASE("a record is named by its epoch and, unless it is bytes, its kind") {
  CHECK(RecordTagText({1, RecordKind::kBytes}) == "1");
  CHECK(RecordTagText({12, RecordKind::kFin}) == "12.fin");
  CHECK(RecordTagText({3, RecordKind::kRst}) == "3.rst");
}

TEST_CASE("a name is read back as what it was") {
  for (const RecordKind kind : {RecordKind::kBytes, RecordKind::kFin, RecordKind::kRst}) {
    for (const Epoch epoch : {Epoch{1}, Epoch{10}, ~Epoch{0}}) {
      const auto tag = ParseRecordTag(RecordTagText({epoch, kind}));
      REQUIRE(tag.has_value());
      CHECK(tag->epoch == epoch);
      CHECK(tag->kind == kind);
    }
  }
}

TEST_CASE("any other etag names no record") {
  for (const std::string_view text :
       {"", "0", "0.fin", "fin", ".fin", "1.", "1.begin", "1.FIN", "1.fin ", "1.finn", "1.rst.fin",
        "-1", "+1", " 1", "1 ", "x", "1x", "18446744073709551616", "99999999999999999999.rst"}) {
    CAPTURE(text);
    CHECK_FALSE(ParseRecordTag(text).has_value());
  }
}

}  // namespace
}  // namespace hotlink
