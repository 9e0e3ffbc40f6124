/* The stage: one program, several roles. See docs/stage.md. */
#include <stdio.h>
#include <string.h>

#include "attach_client.h"
#include "enter.h"
#include "network_view.h"
#include "once.h"
#include "publish.h"
#include "zygote.h"

#ifndef BUILD_ID
#error "BUILD_ID, a hash of the sources, comes from the Makefile"
#endif

int main(int argc, char **argv) {
  const char *role = argc > 1 ? argv[1] : "";
  if (strcmp(role, "zygote") == 0) return zygote_main(argc, argv);
  if (strcmp(role, "attach") == 0) return attach_client_main(argc - 1, argv + 1);
  if (strcmp(role, "enter") == 0) return enter_main(argc, argv);
  if (strcmp(role, "once") == 0) return once_main(argc, argv);
  if (strcmp(role, "publish") == 0) return publish_main(argc, argv);
  if (strcmp(role, "network") == 0) return network_view_main(argc, argv);
  if (strcmp(role, "--version") == 0) return puts(BUILD_ID) < 0 ? 1 : 0;
  fputs("usage: terrarium-stage zygote|attach|enter|once|publish|network … | --version\n", stderr);
  return 2;
}
