/*
 * Operations, from being accepted to being told of; see operation.h.
 */
#include "client/operation.h"

#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "client/server.h"
#include "proto/bytes.h"
#include "proto/opcode.h"

enum {
    SPARE_MAX = 512, /* operations are kept for later ones */
};

void omc_operation_init(struct omc_operations *operations)
{
    *operations = (struct omc_operations){.held = 0};
    omc_deadlines_init(&operations->deadlines);
}

void omc_operation_fini(struct omc_operations *operations)
{
    for (size_t i = 0; i < OMC_OPERATION_KEY_STEPS; i++) {
        while (operations->spare[i] != NULL) {
            struct omc_operation *next = operations->spare[i]->next;

            omc_memory_free(operations->spare[i]);
            operations->spare[i] = next;
        }
    }
    omc_deadlines_fini(&operations->deadlines);
}

static size_t key_steps(size_t key_len)
{
    return (key_len + OMC_OPERATION_KEY_STEP - 1) / OMC_OPERATION_KEY_STEP;
}

/* Memory for one, with nothing in it yet; NULL without any. */
static struct omc_operation *allocate(struct omc_operations *operations, size_t key_len)
{
    size_t steps = key_steps(key_len);
    struct omc_operation *operation = operations->spare[steps];

    if (operation == NULL)
        return omc_memory_resize(NULL, sizeof(*operation) + steps * OMC_OPERATION_KEY_STEP, 1);
    operations->spare[steps] = operation->next;
    operations->spare_count--;
    return operation;
}

void omc_operation_release(struct omc_operations *operations, struct omc_operation *operation)
{
    size_t steps = key_steps(operation->asker.key_len);

    operations->alive--;
    if (operations->spare_count == SPARE_MAX) {
        omc_memory_free(operation);
        return;
    }
    operation->next = operations->spare[steps];
    operations->spare[steps] = operation;
    operations->spare_count++;
}

struct omc_operation *omc_operation_new(struct omc_operations *operations, const void *key,
                                        size_t key_len, int64_t deadline,
                                        omcache_reply_callback_func *func, void *context)
{
    struct omc_deadlines *deadlines = &operations->deadlines;
    struct omc_operation *operation = allocate(operations, key_len);

    if (operation == NULL)
        return NULL;
    operations->alive++;
    *operation = (struct omc_operation){
        .func = func,
        .context = context,
        .serial = operations->next_serial++,
        .asker = {.key_len = (uint8_t)key_len, .waits = true},
    };
    if (key_len > 0) {
        operation->asker.key = operation->key;
        omc_bytes_put(operation->key, key, key_len);
    }
    if (deadline == OMC_CLOCK_NEVER)
        return operation;
    if (!omc_deadlines_reserve(deadlines, deadlines->count + operations->unqueued + 1)) {
        omc_operation_release(operations, operation);
        return NULL;
    }
    operation->deadline.when = deadline;
    operation->unqueued = true;
    operations->unqueued++;
    return operation;
}

void omc_operation_stop(struct omc_operations *operations, struct omc_operation *operation)
{
    operations->unqueued -= operation->unqueued;
    operation->unqueued = false;
    omc_deadlines_remove(&operations->deadlines, &operation->deadline);
    if (operations->unqueued == 0)
        omc_deadlines_trim(&operations->deadlines);
}

void omc_operation_free(struct omc_operations *operations, struct omc_operation *operation)
{
    omc_operation_stop(operations, operation);
    omc_operation_release(operations, operation);
}

/* From now on it may end by itself; callbacks that ran before must not find it. */
void omc_operation_queued(struct omc_operations *operations, struct omc_operation *operation)
{
    if (!operation->unqueued)
        return;
    operation->unqueued = false;
    operations->unqueued--;
    omc_deadlines_set(&operations->deadlines, &operation->deadline, operation->deadline.when);
}

struct omc_operation *omc_operation_sleep(struct omc_operations *operations, int64_t until,
                                          omcache_reply_callback_func *func, void *context)
{
    struct omc_operation *operation = omc_operation_new(operations, NULL, 0, until, func, context);

    if (operation != NULL)
        omc_operation_queued(operations, operation);
    return operation;
}

void omc_operation_wake_all(struct omc_operations *operations, int status)
{
    struct omc_deadline *first;

    while ((first = omc_deadlines_first(&operations->deadlines)) != NULL)
        omc_operation_end(operations, omc_operation_of_deadline(first), status);
}

/* Moves a list behind another. */
static void append(struct omc_operation_list *to, struct omc_operation_list *from)
{
    if (from->first == NULL)
        return;
    if (to->first == NULL)
        to->first = from->first;
    else
        to->last->next = from->first;
    to->last = from->last;
    to->count += from->count;
    *from = (struct omc_operation_list){.first = NULL};
}

/* Forgets a server that is dropped. */
static void forget_dropped(struct omc_operation *operation)
{
    struct omc_link *link = operation->asker.link;

    if (link != NULL && omc_server_of(link)->dropped)
        operation->asker.link = NULL;
}

void omc_operation_end(struct omc_operations *operations, struct omc_operation *operation,
                       int status)
{
    struct omc_operation_list one = {operation, operation, 1};

    omc_operation_stop(operations, operation);
    forget_dropped(operation);
    operation->status = status;
    operation->next = NULL;
    append(omc_operation_is_held(operations, operation) ? &operations->early : &operations->ended,
           &one);
}

void omc_operation_forget_dropped(struct omc_operations *operations)
{
    for (struct omc_operation *one = operations->ended.first; one != NULL; one = one->next)
        forget_dropped(one);
    for (struct omc_operation *one = operations->early.first; one != NULL; one = one->next)
        forget_dropped(one);
}

void omc_operation_hold(struct omc_operations *operations, uint32_t first)
{
    operations->held_from = first;
    operations->held = operations->next_serial - first;
}

void omc_operation_let_go(struct omc_operations *operations)
{
    operations->held = 0;
    append(&operations->ended, &operations->early);
}

int64_t omc_operation_deadline(const struct omc_operations *operations)
{
    const struct omc_deadline *first = omc_deadlines_first(&operations->deadlines);

    if (operations->ended.first != NULL)
        return 0;
    return first == NULL ? OMC_CLOCK_NEVER : first->when;
}
