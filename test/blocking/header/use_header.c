/* Uses all of zmq.h from C. Fails to compile where something differs. */
#include <zmq.h>

#include <assert.h>
#include <stdalign.h>

#define HAS_TYPE(name, result, arguments)                                      \
  _Generic(&name, result(*) arguments : 1, default : 0)

#include "checks.h"

int main(void) {
  if (test_count_no_macros() != 0) {
    return 1;
  }
  return test_count_functions() == 70 ? 0 : 2;
}
