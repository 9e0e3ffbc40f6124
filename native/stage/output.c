#define _GNU_SOURCE
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fd.h"

enum { LIMIT_MIN = 64 * 1024 };

static off_t file_position(const struct output_file *file, uint64_t offset) {
  return (off_t)(offset - file->base + sizeof(struct output_header));
}

static uint64_t file_bytes(const struct output_file *file) {
  return file->end - file->base + sizeof(struct output_header);
}

/* Nothing to move is fine: somebody may have removed it. */
static int move_aside(const struct output *output) {
  if (output->current.fd < 0) return 0;
  int result = renameat(output->directory_fd, "output", output->directory_fd, "output.old");
  return result < 0 && errno == ENOENT ? 0 : result;
}

/* A file with nothing but its header, in the place of `output`: never seen half made. */
static int make_file(const struct output *output, uint64_t base) {
  AUTO_CLOSE int fd = openat(output->directory_fd, "output.new", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return -errno;
  struct output_header header = {.magic = OUTPUT_MAGIC, .version = OUTPUT_VERSION, .base = base};
  errno = ENOSPC;
  if (pwrite(fd, &header, sizeof header, 0) == sizeof header &&
      move_aside(output) == 0 &&
      renameat(output->directory_fd, "output.new", output->directory_fd, "output") == 0)
    return steal_fd(&fd);
  int error = errno;
  unlinkat(output->directory_fd, "output.new", 0);
  return -error;
}

/*
 * Follows the frames of a file from `offset`, where one begins, to the first that begins at or behind `target`, or that
 * is not there whole.
 */
static uint64_t walk(const struct output_file *file, uint64_t offset, uint64_t target) {
  struct frame_header header;
  uint64_t block_start = 0;
  size_t block_bytes = 0;
  char block[4096];
  while (offset < target) {
    if (offset < block_start || offset + sizeof header > block_start + block_bytes) {
      ssize_t count = pread(file->fd, block, sizeof block, file_position(file, offset));
      if (count < (ssize_t)sizeof header) break;
      block_start = offset;
      block_bytes = (size_t)count;
    }
    __builtin_memcpy(&header, block + (offset - block_start), sizeof header);
    uint64_t next = offset + sizeof header + header.bytes;
    if (header.bytes > FRAME_PAYLOAD_MAX || next > file->end) break;
    offset = next;
  }
  return offset;
}

/* Opens a file up to its last whole frame. Returns 0, -EBADMSG when it is none of ours, or another -errno. */
static int open_file(int directory_fd, const char *name, int access, struct output_file *file) {
  AUTO_CLOSE int fd = openat(directory_fd, name, access | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return -errno;
  struct output_header header;
  struct stat status;
  if (fstat(fd, &status) < 0) return -errno;
  if (pread(fd, &header, sizeof header, 0) != sizeof header || header.magic != OUTPUT_MAGIC ||
      header.version != OUTPUT_VERSION)
    return -EBADMSG;
  *file = (struct output_file){.fd = fd, .base = header.base};
  file->end = header.base + (uint64_t)status.st_size - sizeof header;
  file->end = walk(file, file->base, file->end);
  (void)steal_fd(&fd);
  return 0;
}

int output_open(struct output *output, int directory_fd, uint64_t limit) {
  *output = (struct output){.directory_fd = directory_fd,
                            .limit = limit < LIMIT_MIN ? LIMIT_MIN : limit,
                            .old = {.fd = -1},
                            .current = {.fd = -1}};
  struct output_file *file = &output->current;
  int result = open_file(directory_fd, "output", O_RDWR, file);
  if (result == 0 && ftruncate(file->fd, file_position(file, file->end)) < 0) {
    result = -errno;
    close_fd(&file->fd);
  }
  /* A file that is none of ours is replaced. */
  if (result == -ENOENT || result == -EBADMSG) result = file->fd = make_file(output, 0);
  output->start = file->end;
  return result < 0 ? result : 0;
}

int output_open_kept(struct output *output, int directory_fd, uint64_t start) {
  *output = (struct output){.directory_fd = directory_fd, .start = start, .old = {.fd = -1}, .current = {.fd = -1}};
  int result = open_file(directory_fd, "output", O_RDONLY, &output->current);
  if (result < 0) return result;
  struct output_file *old = &output->old;
  result = open_file(directory_fd, "output.old", O_RDONLY, old);
  /* It ends where the newer one begins, or it is of another time. */
  if (result == 0 && old->end != output->current.base) close_fd(&old->fd);
  return 0;
}

void output_close(struct output *output) {
  close_fd(&output->old.fd);
  close_fd(&output->current.fd);
}

static int rotate_files(struct output *output) {
  int fd = make_file(output, output->current.end);
  if (fd < 0) return fd;
  close_fd(&output->old.fd);
  output->old = output->current;
  output->current = (struct output_file){.fd = fd, .base = output->old.end, .end = output->old.end};
  return 0;
}

static int append_frame(struct output *output, const struct frame_header *header, const void *payload, bool rotate) {
  struct output_file *file = &output->current;
  size_t bytes = sizeof *header + header->bytes;
  if (rotate && file->end > file->base && file_bytes(file) + bytes > output->limit) {
    int result = rotate_files(output);
    if (result < 0) return result;
  }
  struct iovec parts[2] = {{(void *)header, sizeof *header}, {(void *)payload, header->bytes}};
  ssize_t written = pwritev(file->fd, parts, 2, file_position(file, file->end));
  if (written == (ssize_t)bytes) {
    file->end += bytes;
    return 0;
  }
  int error = written < 0 ? errno : ENOSPC;
  /* Readers stop at a frame that is not whole, and the next one goes over it: harmless should this fail too. */
  if (written > 0 && ftruncate(file->fd, file_position(file, file->end)) < 0) return -error;
  return -error;
}

int output_append(struct output *output, const struct frame_header *header, const void *payload, bool rotate) {
  int result = 0;
  if (output->lost > 0) {
    struct frame_header gap = {.bytes = sizeof output->lost, .type = FRAME_GAP, .time = header->time};
    result = append_frame(output, &gap, &output->lost, rotate);
    if (result == 0) output->lost = 0;
  }
  return result < 0 ? result : append_frame(output, header, payload, rotate);
}

bool output_near_limit(const struct output *output) {
  /* A gap frame may come first. */
  return file_bytes(&output->current) + sizeof(struct gap_frame) + sizeof(struct frame_header) + FRAME_PAYLOAD_MAX >
         output->limit;
}

uint64_t output_oldest(const struct output *output) {
  uint64_t base = output->old.fd >= 0 ? output->old.base : output->current.base;
  return base > output->start ? base : output->start;
}

static const struct output_file *file_of(const struct output *output, uint64_t offset) {
  return offset < output->current.base ? &output->old : &output->current;
}

ssize_t output_read(const struct output *output, uint64_t offset, void *buffer, size_t size) {
  const struct output_file *file = file_of(output, offset);
  if (size > file->end - offset) size = file->end - offset;
  ssize_t count = pread(file->fd, buffer, size, file_position(file, offset));
  return count < 0 ? -errno : count;
}

uint64_t output_boundary(const struct output *output, uint64_t offset) {
  uint64_t oldest = output_oldest(output);
  if (offset <= oldest) return oldest;
  if (offset >= output->current.end) return output->current.end;
  const struct output_file *file = file_of(output, offset);
  uint64_t from = file->base > oldest ? file->base : oldest;
  uint64_t boundary = walk(file, from, offset);
  return boundary < offset ? output->current.end : boundary;
}
