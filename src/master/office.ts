/**
 * The masterserver without its sockets: takes what the machine tells, keeps list, rules, statistics and messages in step, and
 * answers HTTP. `start.ts` gives it the machine and the ports.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Hono } from 'hono';
import {
  type HostRecord,
  type MasterCommand,
  type MasterCounters,
  type MasterEvent,
  type MasterPolicy,
  plainEntry,
  type TableState,
} from '../core/index.ts';
import { BUILD, type WebApp } from '../node/index.ts';
import type { MasterInfo, Overview } from './api.ts';
import { createDirectory, type Directory } from './directory.ts';
import { type Downloads, NO_DOWNLOADS } from './downloads.ts';
import type { OfficeFleet } from './fleet-office.ts';
import { createHttpApp } from './http.ts';
import type { AdminRoutes } from './http-admin.ts';
import type { CodeGuesses } from './http-list.ts';
import { SERVER_LIMITS } from './limits.ts';
import type { ListItem } from './listing.ts';
import { createPseudonyms, type Logger } from './log.ts';
import { createMeasures } from './measures.ts';
import { watchEventLoop } from './metrics.ts';
import { createModeration, type Moderation } from './moderation.ts';
import type { OfficialFolder } from './official.ts';
import { type RelayRule, relayRules } from './relay-rules.ts';
import type { RelayThread } from './relay-thread.ts';
import { createStatistics, hasTried } from './statistics.ts';
import type { Store } from './store.ts';
import { readTicketKeys, saveTicketKeys } from './ticket-keys.ts';
import { createWebhooks, type WebhookConfig, type WebhookOptions, type Webhooks } from './webhooks.ts';

/** Setting of the hash of the admin's token; empty = the next start makes another. */
export const ADMIN_TOKEN = 'admin-token-hash';

export interface OfficeOptions {
  readonly store: Store;
  readonly log: Logger;
  readonly wallClock: () => number;
  readonly monotonic: () => number;
  readonly domains: readonly string[];
  readonly contact: string | null;
  readonly hooks: readonly WebhookConfig[];
  readonly webhookTiming?: WebhookOptions['timing'];
  readonly webApp: WebApp | null;
  readonly link: () => string;
  /** Where the pages are; left out: nowhere that others reach. */
  readonly page?: () => string;
  readonly downloads?: () => Downloads;
  readonly command: (command: MasterCommand) => void;
  readonly counters: () => MasterCounters | null;
  /** For how long a registered host has been silent. */
  readonly silentMs?: (hostKey: Uint8Array) => number | null;
  /** Codes that are tried over HTTP count with those of the link. */
  readonly codes: CodeGuesses;
  /** The admin's token was used for the first time: the file that told it may go. */
  readonly onTokenUsed: () => void;
  /** The master's own relay, once it runs. */
  readonly relay?: () => RelayThread | null;
  /** Of a node of a fleet. */
  readonly fleet?: OfficeFleet;
}

export interface Office {
  readonly app: Hono;
  readonly policy: MasterPolicy;
  readonly directory: Directory;
  /** Set when this start has made the admin's token: told once, kept only as a hash. */
  readonly newToken: string | null;
  /** The new token could not be told to anybody: the next start makes another. */
  forgetToken(): void;
  event(event: MasterEvent): void;
  metrics(): string;
  tables(): readonly TableState[];
  readonly moderation: Moderation;
  readonly webhooks: Pick<Webhooks, 'told' | 'note'>;
  /** Rules have changed elsewhere: they work at once. */
  applyRules(): void;
  /** What the list says of itself has changed: whoever looks asks for it anew. */
  showAnew(): void;
  /** The bans, as relays need them. */
  relayRules(): readonly RelayRule[];
  official(folder: OfficialFolder): void;
  /** A test join of the master has ended; null = it proved nothing about the host. */
  tested(hostId: string, joinable: boolean | null): void;
  setReady(ready: boolean): void;
  drain(): void;
  /** Stops the timers and writes the last state down. */
  close(): void;
}

const SOURCES_REWRITTEN =
  'all participants come from one local address, or from a few: what stands in front (docker-proxy, a load balancer) hides where they are, and they meet only by STUN servers or a relay; let true addresses through (Docker: --network host)';

const PROBE_PORTS_SHUT =
  'participants from outside have sessions, and none of their questions reaches the 16 probe ports: let them through the firewall (the port of the link plus 9 on); "sallyport master --self-test" on another computer shows which are shut';

export function createOffice(options: OfficeOptions): Office {
  const { store, log, wallClock, fleet } = options;
  const tells = ({ code }: HostRecord): boolean => fleet?.isFirst(code) ?? true;
  const upSince = wallClock();
  const relay = options.relay ?? (() => null);
  const loop = watchEventLoop();
  const moderation = createModeration(store, wallClock);
  const pseudonyms = createPseudonyms(wallClock);
  const statistics = createStatistics(store, wallClock);
  const token = adminToken(store);
  let ready = false;
  let draining = false;
  let tokenUsed = false;
  let sourcesRewritten: Overview['sourcesRewritten'] = null;
  let probePortsShut: Overview['probePortsShut'] = [];

  const directory = createDirectory({
    ...{ store, moderation, pseudonyms, wallClock },
    onCommit: (commit) => events.tell(commit),
    ...(options.silentMs === undefined ? {} : { silentMs: options.silentMs }),
    ...(fleet === undefined ? {} : { others: fleet.hosts, onRival: contest }),
  });
  function contest(own: ListItem, rival: ListItem, older: boolean): void {
    options.command({ do: 'contest', code: own.host.code, rival: rival.host.hostKey, older });
  }

  const measures = createMeasures({
    ...{ version: BUILD.version, directory, moderation },
    counters: options.counters,
    lagSeconds: loop.lagSeconds,
    storeOk: () => store.problem() === null,
    eventStreams: () => events.size,
    relay: () => relay()?.figures() ?? null,
    ...(fleet === undefined ? {} : { fleet: fleet.figures }),
  });
  const webhooks = createWebhooks({
    ...{ hooks: options.hooks, store, now: options.monotonic, wallClock },
    ...(options.webhookTiming === undefined ? {} : { timing: options.webhookTiming }),
    onDelivery: (kind, result) => measures.webhooks.add({ kind, result }),
    onTold: fleet?.onTold,
  });
  const downloads = options.downloads ?? (() => NO_DOWNLOADS);
  const info = (): MasterInfo => ({
    ...{ link: options.link(), version: BUILD.version, contact: options.contact, page: options.page?.() ?? '' },
    downloads: { files: [...downloads().files], at: downloads().at },
  });
  const { app, events } = createHttpApp({
    ...{ directory, wallClock, info, log, codes: options.codes, downloads },
    webApp: options.webApp,
    requests: measures.requests,
    durations: measures.requestDurations,
    onLimited: () => measures.httpLimited.add({}),
    ready: () => ({ ready: ready && !draining, reason: draining ? 'draining' : 'not all ports are bound yet' }),
    admin: admin(),
  });

  function admin(): AdminRoutes {
    return {
      ...{ store, directory, moderation, statistics, pseudonyms, wallClock },
      tokenHash: token.hash,
      domains: options.domains,
      overview: () => ({
        ...{ upSince, version: BUILD.version, draining },
        sessions: options.counters()?.sessions ?? 0,
        webhooks: webhooks.counts(),
        relay: relayOverview(relay()),
        eventLoopLagMs: Math.round(loop.lagSeconds() * 1000),
        sourcesRewritten,
        probePortsShut,
      }),
      evict: ({ host }) => options.command({ do: 'evict', hostKey: host.hostKey }),
      onRulesChanged: (ban) => {
        applyRules();
        fleet?.onRules();
        if (ban !== null) webhooks.send(banMessage(ban.kind, ban.scope, ban.reason));
      },
      onFirstUse: () => {
        if (!tokenUsed) options.onTokenUsed();
        tokenUsed = true;
      },
      testWebhooks: () => webhooks.send({ kind: 'test', subject: null, title: 'Test of the masterserver', fields: {} }),
    };
  }

  /** Rules work at once: who is banned by now goes, who is held back leaves the list. */
  function applyRules(): void {
    for (const item of directory.listing.all()) {
      if (item.elsewhere || !moderation.banned(item.host)) continue;
      log.info({ host: item.hostId }, 'host taken off by a rule');
      options.command({ do: 'evict', hostKey: item.host.hostKey });
      if (item.returning) directory.gone(item.host);
    }
    directory.review();
    relay()?.rules(relayRules(moderation.bans()));
  }

  let committedAt = Number.NEGATIVE_INFINITY;
  let commitTimer: NodeJS.Timeout | null = null;

  /** What changes after a calm second is shown at once, what follows together a second later. */
  function showSoon(): void {
    if (commitTimer !== null) return;
    const at = committedAt + SERVER_LIMITS.snapshotIntervalMs;
    const commit = (): void => {
      commitTimer = null;
      if (directory.commit()) committedAt = options.monotonic();
    };
    commitTimer = setTimeout(commit, Math.max(0, at - options.monotonic()));
    commitTimer.unref();
  }

  function event(event: MasterEvent): void {
    switch (event.ev) {
      case 'code':
        store.saveCode(wallClock(), event);
        return;
      case 'code-forgotten':
        store.forgetCode(event.code);
        return;
      case 'ticket-keys':
        saveTicketKeys(store, event.keys);
        return;
      case 'host':
        directory.host(event.host);
        showSoon();
        if (event.change === 'new') log.info({ host: event.host.hostId, nat: event.host.natType }, 'host registered');
        return;
      case 'host-gone':
        directory.gone(event.host);
        showSoon();
        log.info({ host: event.host.hostId, reason: event.reason }, 'host gone');
        if (event.host.announcement.public && event.reason !== 'replaced' && tells(event.host))
          webhooks.send(goneMessage(event.host.hostId, event.host.announcement.name));
        return;
      case 'join':
        statistics.join();
        measures.joins.add({ result: event.result });
        return;
      case 'report':
        statistics.report(event);
        if (!hasTried(event)) return;
        measures.traversals.add({
          ...{ client_nat: event.clientNat, host_nat: event.hostNat, family: event.family },
          ...{ path: event.path ?? 'none', result: event.outcome },
        });
        if (event.outcome === 'path') {
          measures.durations.observe({}, event.elapsedMs / 1000);
          measures.attempts.observe({}, event.attempts);
        }
        return;
      case 'sources-rewritten':
        sourcesRewritten = event.addresses === null ? null : { addresses: [...event.addresses], since: wallClock() };
        if (event.addresses === null)
          log.info({}, 'a participant comes from elsewhere: addresses get through after all');
        else log.warn({ addresses: event.addresses.join() }, SOURCES_REWRITTEN);
        return;
      case 'probe-ports':
        probePortsShut = probePortsShut.filter(({ address }) => address !== event.address);
        if (event.shut) probePortsShut = [...probePortsShut, { address: event.address, since: wallClock() }];
        if (event.shut) log.warn({ address: event.address }, PROBE_PORTS_SHUT);
        else log.info({ address: event.address }, 'a question came through the probe ports after all');
        return;
      case 'bind-failed':
      // The start fails with it and says so in one line; up to 50 more would only bury that.
      case 'probe-key':
      case 'probe-key-over':
        return;
      case 'listening':
      case 'drained':
        log.info({}, event.ev);
        return;
    }
  }

  function tested(hostId: string, joinable: boolean | null): void {
    measures.testJoins.add({ result: joinable === null ? 'unclear' : joinable ? 'path' : 'failed' });
    if (joinable === null) return;
    const before = directory.listing.get(hostId);
    directory.verified(hostId, joinable ? wallClock() : null);
    if (!joinable || before?.listed !== true || !tells(before.host)) return;
    if (before.verifiedAt === null || isOwed(before)) webhooks.send(listedMessage(before));
  }

  /**
   * Was it proven by a node that tells nobody of it, and not told of since? What was told of a host as young as this is noted here, whatever
   * the clocks of two nodes differ by.
   */
  function isOwed({ hostId, firstSeenAt }: ListItem): boolean {
    const isYoung = firstSeenAt >= wallClock() - SERVER_LIMITS.webhookDedupeMs / 2;
    return fleet !== undefined && isYoung && webhooks.owes('host.listed', hostId);
  }

  /** Of a host that was proven while this node, which is the first of its code, was away: no other node told of it. */
  function tellLate(): void {
    if (fleet === undefined) return;
    for (const item of directory.listing.all())
      if (item.listed && item.verified && isOwed(item) && tells(item.host)) webhooks.send(listedMessage(item));
  }

  let rowsLeft = false;
  const saveSome = (): void => {
    rowsLeft = directory.save(SERVER_LIMITS.snapshotRowsAtOnce);
  };
  // A little at a time: whoever joins just then must not wait for a thousand rows.
  const rows = setInterval(() => {
    if (rowsLeft) saveSome();
  }, SERVER_LIMITS.snapshotRowsMs);
  rows.unref();

  let beats = 0;
  const second = setInterval(() => {
    showSoon();
    beats += 1;
    saveSome();
    if (beats % 5 === 0) statistics.flush(directory.listing.size);
    if (beats % 60 === 0) {
      if (moderation.expire(wallClock()) > 0) applyRules();
      store.prune(wallClock());
      tellLate();
    }
    directory.expire();
  }, SERVER_LIMITS.snapshotIntervalMs);
  second.unref();

  directory.load();
  options.command({ do: 'remember', codes: store.codes(), ticketKeys: readTicketKeys(store) });
  directory.commit();

  return {
    app,
    policy: {
      announce: moderation.announce,
      admit: moderation.admit,
      list: directory.page,
      proven: ({ hostId }) => (directory.listing.get(hostId)?.verifiedAt ?? null) !== null,
      entry(host, viewer) {
        const item = directory.listing.get(host.hostId);
        return item === undefined ? plainEntry(host, viewer) : directory.server(item, viewer);
      },
    },
    directory,
    ...{ moderation, webhooks, applyRules },
    showAnew: () => events.reset(),
    ...{ newToken: token.fresh, forgetToken: () => store.setSetting(ADMIN_TOKEN, '') },
    ...{ event, metrics: measures.text },
    tables: () => [...events.tables(), ...moderation.tables()],
    relayRules: () => relayRules(moderation.bans()),
    official(folder) {
      moderation.reserve(folder.reservedNames);
      directory.official(folder.servers);
      showSoon();
    },
    tested,
    setReady: (value) => {
      ready = value;
    },
    drain() {
      draining = true;
    },
    close() {
      clearInterval(second);
      clearInterval(rows);
      if (commitTimer !== null) clearTimeout(commitTimer);
      loop.stop();
      events.close();
      webhooks.close();
      directory.save(Number.POSITIVE_INFINITY);
      statistics.flush(directory.listing.size);
    },
  };
}

/** The hash is kept, the token is not: made anew when there is none (`sallyport master token` empties the setting). */
function adminToken(store: Store): { readonly hash: string; readonly fresh: string | null } {
  const kept = store.setting(ADMIN_TOKEN);
  if (kept !== null && /^[0-9a-f]{64}$/.test(kept)) return { hash: kept, fresh: null };
  const fresh = randomBytes(24).toString('base64url');
  const hash = createHash('sha256').update(fresh).digest('hex');
  store.setSetting(ADMIN_TOKEN, hash);
  return { hash, fresh };
}

function relayOverview(relay: RelayThread | null): Overview['relay'] {
  const figures = relay?.figures();
  if (figures === undefined) return null;
  const { pairs, whole, forwarded, forwardedBytes, dropped, refused } = figures.counters;
  const sum = (table: Readonly<Record<string, number>>): number => Object.values(table).reduce((all, n) => all + n, 0);
  return {
    ...{ pairs, whole, forwarded, forwardedBytes },
    dropped: sum(dropped) + figures.congested,
    refused: sum(refused),
  };
}

function listedMessage(item: ListItem) {
  const { game, map, mode, playersMax } = item;
  return {
    kind: 'host.listed',
    subject: item.hostId,
    title: `New server: ${item.name}`,
    fields: { game, map, mode, players: `${item.players}/${playersMax}`, code: item.host.code },
  } as const;
}

function goneMessage(hostId: string, name: string) {
  return { kind: 'host.gone', subject: hostId, title: `Server gone: ${name}`, fields: {} } as const;
}

function banMessage(kind: string, scope: string, reason: string) {
  return { kind: 'ban', subject: null, title: 'New rule', fields: { kind, scope, reason } } as const;
}
