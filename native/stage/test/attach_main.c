/* The attach role alone: for test/kernel/monitor. */
#include "../attach_client.h"

int main(int argc, char **argv) { return attach_client_main(argc, argv); }
