// The unit tests' fakes assert by doctest; here there are no test cases around them.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>

#include "tests/fuzz/support/fuzz.h"

namespace hotlink {

void AbortOnFailedAssertion() {
  static doctest::Context context;
  static const bool once = [] {
    context.setAsDefaultForAssertsOutOfTestCases();
    context.setAssertHandler([](const doctest::AssertData& failed) {
      std::fprintf(stderr, "%s:%d: broken: %s %s\n", failed.m_file, failed.m_line, failed.m_expr,
                   failed.m_decomp.c_str());
      std::abort();
    });
    return true;
  }();
  static_cast<void>(once);
}

}  // namespace hotlink
