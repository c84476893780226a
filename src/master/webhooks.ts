/**
 * Messages to Discord, Telegram or anybody's own receiver. One call a second, a host told once a day (also over a restart) and
 * only once proven joinable, silent while a restart brings everybody back, repeated when the receiver fails, and never an address
 * in them.
 */
import { createHmac } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { SERVER_LIMITS } from './limits.ts';
import type { Store } from './store.ts';

const eventKinds = ['host.listed', 'host.gone', 'alert', 'ban', 'test'] as const;
export type WebhookKind = (typeof eventKinds)[number];

export const webhookSchema = z.strictObject({
  url: z.url({ protocol: /^https?$/ }),
  body: z.enum(['json', 'discord', 'telegram']).default('json'),
  /** Telegram: the chat to write to. */
  chat: z.string().optional(),
  /** Keys the `x-sallyport-signature` header. */
  secret: z.string().optional(),
  events: z.array(z.enum(eventKinds)).default(['host.listed', 'alert', 'ban', 'test']),
});
export type WebhookConfig = z.infer<typeof webhookSchema>;

export interface WebhookMessage {
  readonly kind: WebhookKind;
  /** Whom it is about; the same kind about the same subject is told once a day. Null = always told. */
  readonly subject: string | null;
  readonly title: string;
  readonly fields: Readonly<Record<string, string>>;
}

export interface Webhooks {
  send(message: WebhookMessage): void;
  /** Is there a receiver that was not told this by any node, so far as is known here, and can it be told now? */
  owes(kind: WebhookKind, subject: string): boolean;
  /** What was told within the day, by this node or another: 100 bytes each. */
  told(): readonly string[];
  /** Another node of the fleet has told these. */
  note(keys: readonly string[]): void;
  counts(): { readonly queued: number; readonly delivered: number; readonly failed: number };
  close(): void;
}

export interface WebhookOptions {
  readonly hooks: readonly WebhookConfig[];
  readonly store: Pick<Store, 'told' | 'saveTold'>;
  readonly onDelivery: (kind: WebhookKind, result: 'ok' | 'retry' | 'failed' | 'dropped') => void;
  /** Something is told now, and not again within the day: other nodes of the fleet should know. */
  readonly onTold?: ((key: string) => void) | undefined;
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number;
  readonly wallClock: () => number;
  readonly timing?: { readonly intervalMs: number; readonly muteMs: number; readonly retryMs: number } | undefined;
}

interface Delivery {
  readonly hook: WebhookConfig;
  readonly message: WebhookMessage;
  readonly at: number;
}

const TIMING = {
  intervalMs: SERVER_LIMITS.webhookIntervalMs,
  muteMs: SERVER_LIMITS.webhookMuteMs,
  retryMs: SERVER_LIMITS.webhookIntervalMs,
};

export function createWebhooks(options: WebhookOptions): Webhooks {
  const timing = options.timing ?? TIMING;
  const mutedUntil = options.now() + timing.muteMs;
  const notes = new Notes(options);
  const queue: Delivery[] = [];
  const stop = new AbortController();
  let running = false;
  let delivered = 0;
  let failed = 0;

  async function run(): Promise<void> {
    running = true;
    try {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        await deliver(next);
        await sleep(timing.intervalMs, undefined, { signal: stop.signal, ref: false });
      }
    } catch {
      // Only `close` interrupts a sleep.
    } finally {
      running = false;
    }
  }

  async function deliver({ hook, message, at }: Delivery): Promise<void> {
    for (let attempt = 1; !stop.signal.aborted; attempt += 1) {
      const answer = await post(hook, message, at, stop.signal);
      if (answer.ok) {
        delivered += 1;
        options.onDelivery(message.kind, 'ok');
        return;
      }
      if (!answer.retryable || attempt >= SERVER_LIMITS.webhookAttemptsMax) {
        failed += 1;
        options.onDelivery(message.kind, 'failed');
        return;
      }
      options.onDelivery(message.kind, 'retry');
      const waitMs = Math.max(answer.retryAfterMs, timing.retryMs * 2 ** attempt);
      await sleep(waitMs, undefined, { signal: stop.signal, ref: false });
    }
  }

  const receivers = (kind: WebhookKind): readonly WebhookConfig[] =>
    options.hooks.filter(({ events }) => events.includes(kind));

  return {
    send(message) {
      const hooks = receivers(message.kind);
      const key = message.subject === null ? null : keyOf(message.kind, message.subject);
      if (hooks.length === 0 || notes.repeated(key)) return;
      // Noted as told all the same: who comes back with a restart is no news afterwards either.
      if (message.kind !== 'test' && message.kind !== 'alert' && options.now() < mutedUntil) return;
      if (key !== null) {
        options.store.saveTold(key, options.wallClock());
        options.onTold?.(key);
      }
      for (const hook of hooks) {
        if (queue.length >= SERVER_LIMITS.webhookQueueMax) options.onDelivery(message.kind, 'dropped');
        else queue.push({ hook, message, at: options.wallClock() });
      }
      if (!running) void run();
    },
    owes: (kind, subject) =>
      options.now() >= mutedUntil && receivers(kind).length > 0 && notes.lacks(keyOf(kind, subject)),
    told: () => notes.all(),
    note: (keys) => notes.add(keys),
    counts: () => ({ queued: queue.length, delivered, failed }),
    close: () => stop.abort(),
  };
}

function keyOf(kind: WebhookKind, subject: string): string {
  return `${kind} ${subject}`;
}

/** What was told within a day, also by the run before or by another node; the oldest note goes when the table is full. */
class Notes {
  private readonly options: Pick<WebhookOptions, 'store' | 'now' | 'wallClock'>;
  private readonly at = new Map<string, number>();

  constructor(options: Notes['options']) {
    this.options = options;
    const { store, now, wallClock } = options;
    // As long ago as the clock on the wall says.
    for (const { subject, at } of store.told(wallClock() - SERVER_LIMITS.webhookDedupeMs))
      this.at.set(subject, now() - Math.max(0, wallClock() - at));
  }

  /** Has this been told? Notes it as told. */
  repeated(key: string | null): boolean {
    if (key === null) return false;
    const now = this.options.now();
    const last = this.at.get(key);
    if (last !== undefined && now - last < SERVER_LIMITS.webhookDedupeMs) return true;
    this.at.delete(key);
    this.at.set(key, now);
    if (this.at.size > SERVER_LIMITS.webhookDedupeEntries) this.at.delete(this.at.keys().next().value ?? '');
    return false;
  }

  /** Certainly: where notes have gone for want of room nobody knows. */
  lacks(key: string): boolean {
    return !this.at.has(key) && this.at.size < SERVER_LIMITS.webhookDedupeEntries;
  }

  add(keys: readonly string[]): void {
    const { store, wallClock } = this.options;
    for (const key of keys) if (!this.repeated(key)) store.saveTold(key, wallClock());
  }

  all(): string[] {
    const since = this.options.now() - SERVER_LIMITS.webhookDedupeMs;
    return [...this.at].flatMap(([key, at]) => (at > since ? [key] : []));
  }
}

interface PostAnswer {
  readonly ok: boolean;
  readonly retryable: boolean;
  readonly retryAfterMs: number;
}

async function post(hook: WebhookConfig, message: WebhookMessage, at: number, stop: AbortSignal): Promise<PostAnswer> {
  const body = JSON.stringify(bodyFor(hook, message, at));
  const headers: Record<string, string> = { 'content-type': 'application/json', 'user-agent': 'sallyport-master' };
  if (hook.secret !== undefined) {
    // The time is signed with the body, so a receiver can refuse an old message that somebody plays again.
    const digest = createHmac('sha256', hook.secret).update(`${at}.${body}`).digest('hex');
    headers['x-sallyport-signature'] = `t=${at},v1=${digest}`;
  }
  const signal = AbortSignal.any([stop, AbortSignal.timeout(SERVER_LIMITS.webhookTimeoutMs)]);
  try {
    const response = await fetch(hook.url, { method: 'POST', body, headers, signal, redirect: 'error' });
    await response.body?.cancel();
    const wait = Number(response.headers.get('retry-after') ?? 0) * 1000;
    const retryable = response.status === 429 || response.status >= 500;
    return { ok: response.ok, retryable, retryAfterMs: Number.isFinite(wait) ? Math.min(wait, 60_000) : 0 };
  } catch {
    return { ok: false, retryable: true, retryAfterMs: 0 };
  }
}

export function bodyFor(hook: Pick<WebhookConfig, 'body' | 'chat'>, message: WebhookMessage, at: number): unknown {
  const { kind, title, fields } = message;
  if (hook.body === 'discord') {
    // No mention may come out of a name, whatever it says.
    const embed = {
      title: escapeDiscord(title).slice(0, 256),
      fields: Object.entries(fields).map(([name, value]) => ({
        name,
        value: escapeDiscord(value).slice(0, 1024) || '-',
        inline: true,
      })),
      timestamp: new Date(at).toISOString(),
    };
    return { username: 'sallyport', embeds: [embed], allowed_mentions: { parse: [] } };
  }
  if (hook.body === 'telegram') {
    const lines = Object.entries(fields).map(([name, value]) => `${escapeHtml(name)}: ${escapeHtml(value)}`);
    const text = [`<b>${escapeHtml(title)}</b>`, ...lines].join('\n');
    return {
      chat_id: hook.chat ?? '',
      text: text.slice(0, 4096),
      parse_mode: 'HTML',
      link_preview_options: { is_disabled: true },
    };
  }
  return { v: 1, event: kind, at, title, fields };
}

function escapeDiscord(text: string): string {
  return text.replace(/[\\*_~`|>#[\]()@<:-]/g, (sign) => (sign === '@' ? '@\u200b' : `\\${sign}`));
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
