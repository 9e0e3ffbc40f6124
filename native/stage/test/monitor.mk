# Programs that test/kernel/monitor drives: make -f monitor.mk BUILD=FOLDER
BUILD ?= ../../../dist/stage/test
CC ?= gcc
FLAGS = -std=c11 -Wall -Wextra -Werror -g
MONITOR = $(addprefix ../,watch.c watch_prepare.c denied.c oom_notice.c output.c exit_record.c process_input.c attach_server.c \
  attach_receive.c attach_send.c cgroup_remove.c init.c left.c peer.c process_stat.c title.c)
CLIENT = $(addprefix ../,attach_client.c attach_terminal.c attach_log.c output.c)
HEADERS = $(wildcard ../*.h)

all: $(BUILD)/watch_harness $(BUILD)/watch_harness_sanitized $(BUILD)/attach $(BUILD)/attach_sanitized

$(BUILD)/%_sanitized: FLAGS += -O1 -fsanitize=address,undefined -fno-sanitize-recover=all
$(BUILD)/watch_harness $(BUILD)/attach: FLAGS += -Os -static
$(BUILD)/watch_harness $(BUILD)/watch_harness_sanitized: watch_harness.c $(MONITOR) $(HEADERS) | $(BUILD)
	$(CC) $(FLAGS) -o $@ $(filter %.c,$^)
$(BUILD)/attach $(BUILD)/attach_sanitized: attach_main.c $(CLIENT) $(HEADERS) | $(BUILD)
	$(CC) $(FLAGS) -o $@ $(filter %.c,$^)
$(BUILD):
	mkdir -p $@

.PHONY: all
