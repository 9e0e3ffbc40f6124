#ifndef TERRARIUM_PEER_H
#define TERRARIUM_PEER_H

#include <stdbool.h>

/* Whether who connected is the user we belong to, and not a container of theirs: its root has the same uid. */
bool peer_is_user(int connection);

/* We are where the user's own programs are, not in a user namespace of ours: from now on those are the friends. */
void peer_stands_outside(void);

#endif
