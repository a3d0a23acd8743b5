/* SPDX-License-Identifier: GPL-2.0-only */
/* Lists of both kinds, as far as the shadow tables use them. */
#ifndef TESTS_LINUX_LIST_H
#define TESTS_LINUX_LIST_H

#include <linux/types.h>

#define INIT_LIST_HEAD(h)	((h)->next = (h)->prev = (h))
#define list_empty(h)		((h)->next == (h))
#define list_entry(p, t, m)	((t *)((char *)(p) - offsetof(t, m)))
#define list_first_entry(h, t, m)	list_entry((h)->next, t, m)

static inline void list_add(struct list_head *l, struct list_head *h)
{
	l->next = h->next;
	l->prev = h;
	h->next->prev = l;
	h->next = l;
}

static inline void list_del(struct list_head *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	l->next = l->prev = NULL;
}

static inline void list_move(struct list_head *l, struct list_head *h)
{
	list_del(l);
	list_add(l, h);
}

#define LIST_WALK(p, n, h, m, way)					\
	for (p = list_entry((h)->way, typeof(*p), m), n = list_entry(p->m.way, typeof(*p), m); \
	     &p->m != (h); p = n, n = list_entry(n->m.way, typeof(*p), m))
#define list_for_each_entry_safe(p, n, h, m)		LIST_WALK(p, n, h, m, next)
#define list_for_each_entry_safe_reverse(p, n, h, m)	LIST_WALK(p, n, h, m, prev)

static inline void hlist_add_head(struct hlist_node *n, struct hlist_head *h)
{
	n->next = h->first;
	n->pprev = &h->first;
	if (h->first)
		h->first->pprev = &n->next;
	h->first = n;
}

static inline void hlist_del(struct hlist_node *n)
{
	*n->pprev = n->next;
	if (n->next)
		n->next->pprev = n->pprev;
	n->next = NULL;
	n->pprev = NULL;
}
#define hlist_del_init(n)	hlist_del(n)

#define hlist_for_each(n, h)	for (n = (h)->first; n; n = n->next)
#define hlist_for_each_safe(n, after, h) \
	for (n = (h)->first; n && (after = n->next, true); n = after)
#define HLIST_ENTRY(n, p, m)	((n) ? list_entry(n, typeof(*p), m) : NULL)
#define hlist_for_each_entry(p, h, m) \
	for (p = HLIST_ENTRY((h)->first, p, m); p; p = HLIST_ENTRY(p->m.next, p, m))
#define hlist_for_each_entry_safe(p, n, h, m) \
	for (p = HLIST_ENTRY((h)->first, p, m); p && (n = p->m.next, true); \
	     p = HLIST_ENTRY(n, p, m))

#endif
