/**
 * A small internet of network namespaces. In the middle a router (`core`); each *site* hangs off it with public addresses of
 * its own: a public host, or a NAT box with a LAN of hosts behind it. A NAT may stand behind another one (carrier NAT).
 * From a host behind a NAT to a host behind another: own NAT is hop 1, the core hop 2, the far NAT hop 3.
 */
import { NAT_PRESETS, type NatBehaviour, type NatPreset, natRules } from './nat.ts';
import type { LabProcess } from './process.ts';
import { compiled } from './puppeteer.ts';
import { openSandbox, type Sandbox, type SandboxOptions } from './sandbox.ts';
import type { LinkQuality, WireRequest } from './wire.ts';

export interface LabOptions extends SandboxOptions {
  /** Delay and loss of every site's link to the core; default: none. Needs /dev/net/tun. */
  readonly link?: LinkQuality;
  /** Routers between each site and the core; default 0. A home is rarely one hop from the middle of the internet. */
  readonly hops?: number;
}

/** Each site owns eight consecutive addresses of 203.0.113.0/24 (RFC 5737): the core's, then up to five of its own. */
const SITES_MAX = 31;
const SITE_ADDRESSES_MAX = 5;
const WIRE_READY_MS = 5_000;
/** An interface name has 15 characters at most; ours is also the namespace's name. */
const NAME = /^[a-z][a-z0-9]{0,10}$/;

export interface LabHost {
  readonly name: string;
  /** First address; a public host may have several. */
  readonly address: string;
  readonly addresses: readonly string[];
  /** Starts a program on this host. */
  spawn(argv: readonly string[], env?: Readonly<Record<string, string>>): LabProcess;
}

export interface LabNat {
  readonly name: string;
  readonly external: string;
  /** Runs a shell script inside the box: `conntrack -L`, `nft list ruleset`, sysctl. */
  shell(script: string): Promise<string>;
  /** Replaces the rules and forgets all mappings, as a reboot would. */
  change(behaviour: NatPreset | Partial<NatBehaviour>): Promise<void>;
}

interface Lan {
  readonly prefix: string;
  hosts: number;
}

export class Lab {
  readonly sandbox: Sandbox;
  readonly #link: LinkQuality | null;
  readonly #hops: number;
  #wires: LabProcess | null = null;
  readonly #lans = new Map<string, Lan>();
  readonly #names = new Set<string>();
  #sites = 0;

  constructor(sandbox: Sandbox, options: LabOptions) {
    this.sandbox = sandbox;
    this.#link = options.link ?? null;
    this.#hops = options.hops ?? 0;
  }

  #claim(name: string): void {
    if (!NAME.test(name) || this.#names.has(name)) throw new Error(`bad or repeated name ${name}`);
    this.#names.add(name);
  }

  /** Commands that hang `name`'s device `wan` off the core, with routers between; gives the public addresses. */
  async #siteCommands(name: string, count: number): Promise<{ addresses: string[]; commands: string[] }> {
    if (this.#sites >= SITES_MAX || count > SITE_ADDRESSES_MAX) throw new Error('the lab has no more addresses');
    const site = this.#sites++;
    const address = (index: number): string => `203.0.113.${8 * site + index}`;
    const addresses = Array.from({ length: count }, (_, index) => address(2 + index));
    const commands: string[] = [];
    let above = 'core';
    for (let hop = 1; hop <= this.#hops; hop++) {
      const router = `${name}r${hop}`;
      const link = `10.${site}.${hop}`;
      commands.push(
        ...namespaceCommands(router),
        `ip netns exec ${router} sysctl -q -w net.ipv4.ip_forward=1`,
        ...(hop === 1 ? await this.#cable(name, router) : veth(above, name, router)),
        `ip -n ${above} addr add ${link}.1/30 dev ${name}`,
        `ip -n ${above} link set dev ${name} up`,
        `ip -n ${router} addr add ${link}.2/30 dev wan`,
        `ip -n ${router} link set wan up`,
        `ip -n ${router} route add default via ${link}.1`,
        `ip -n ${above} route add ${address(0)}/29 via ${link}.2`,
      );
      above = router;
    }
    commands.push(
      ...(above === 'core' ? await this.#cable(name, name) : veth(above, name, name)),
      `ip -n ${above} addr add ${address(1)}/29 dev ${name}`,
      `ip -n ${above} link set dev ${name} up`,
      ...addresses.map((own) => `ip -n ${name} addr add ${own}/29 dev wan`),
      `ip -n ${name} link set wan up`,
      `ip -n ${name} route add default via ${address(1)}`,
    );
    return { addresses, commands };
  }

  /** Commands that connect the core's device `name` with the device `wan` of `below`, by a link of the lab's quality. */
  async #cable(name: string, below: string): Promise<string[]> {
    if (this.#link === null) return veth('core', name, below);
    // Each end of a link holds one thread of the pool in a blocking read.
    this.#wires ??= this.sandbox.spawn('core', [process.execPath, compiled('lab/wire.js')], {
      UV_THREADPOOL_SIZE: '64',
    });
    const far = `${name}w`;
    const request: WireRequest = { near: name, far, link: this.#link };
    this.#wires.write(`${JSON.stringify(request)}\n`);
    await this.#wires.find((line) => line.text === `${name} ready` || null, WIRE_READY_MS);
    return [`ip -n core link set dev ${far} netns ${below}`, `ip -n ${below} link set dev ${far} name wan`];
  }

  /** Commands that plug `name` into a NAT's LAN with device `wan` (for a NAT) or `lan0` (for a host). */
  #lanCommands(name: string, behind: string, device: string): { address: string; commands: string[] } {
    const lan = this.#lans.get(behind);
    if (!lan) throw new Error(`${behind} is not a NAT`);
    const address = `${lan.prefix}.${10 + lan.hosts++}`;
    return {
      address,
      commands: [
        `ip link add name ${name} netns ${behind} type veth peer name ${device} netns ${name}`,
        `ip -n ${behind} link set dev ${name} master lan up`,
        `ip -n ${name} addr add ${address}/24 dev ${device}`,
        `ip -n ${name} link set ${device} up`,
        `ip -n ${name} route add default via ${lan.prefix}.1`,
      ],
    };
  }

  /** A host with public addresses of its own. */
  async publicHost(name: string, addressCount = 1): Promise<LabHost> {
    this.#claim(name);
    const { addresses, commands } = await this.#siteCommands(name, addressCount);
    await this.sandbox.shell([...namespaceCommands(name), ...commands].join('\n'));
    return this.#host(name, addresses);
  }

  /** A NAT box with an empty LAN; `behind` puts it behind another one. */
  async nat(
    name: string,
    behaviour: NatPreset | Partial<NatBehaviour>,
    options: { readonly behind?: LabNat; readonly lan?: 'home' | 'carrier' } = {},
  ): Promise<LabNat> {
    this.#claim(name);
    const number = this.#lans.size + 1;
    // A carrier's customers live in 100.64.0.0/10 (RFC 6598).
    const prefix = options.lan === 'carrier' ? `100.64.${number}` : `192.168.${number}`;
    const up = options.behind ? this.#lanCommands(name, options.behind.name, 'wan') : await this.#siteCommands(name, 1);
    const external = 'address' in up ? up.address : up.addresses[0]!;
    this.#lans.set(name, { prefix, hosts: 0 });
    await this.sandbox.shell(
      [
        ...namespaceCommands(name),
        ...up.commands,
        `ip -n ${name} link add lan type bridge`,
        `ip -n ${name} addr add ${prefix}.1/24 dev lan`,
        `ip -n ${name} link set lan up`,
        `ip netns exec ${name} sysctl -q -w net.ipv4.ip_forward=1`,
        // As routers have it: else br_netfilter, where it is loaded, takes a packet that hairpins to its own sender past the rules.
        `ip netns exec ${name} sysctl -q -e -w net.bridge.bridge-nf-call-iptables=0`,
        ruleCommands(name, behaviourOf(behaviour), external, prefix),
      ].join('\n'),
    );
    return {
      name,
      external,
      shell: (script) => this.#in(name, script),
      change: async (next) => {
        const rules = ruleCommands(name, behaviourOf(next), external, prefix);
        await this.sandbox.shell(`${rules}\nip netns exec ${name} conntrack -F 2>&1`);
      },
    };
  }

  /** A host on a NAT's LAN. */
  async hostBehind(nat: LabNat, name: string): Promise<LabHost> {
    this.#claim(name);
    const { address, commands } = this.#lanCommands(name, nat.name, 'lan0');
    await this.sandbox.shell([...namespaceCommands(name), ...commands].join('\n'));
    return this.#host(name, [address]);
  }

  /**
   * Plugs a host that is behind one NAT into the LAN of another as well, with device `lan1`; what it sends goes by the first as before. `rules`:
   * what it sends from the address there leaves that way, as systems do that route by source. `metric`: there is a second default route that is
   * never used while the first is there, as on any Linux.
   */
  async alsoBehind(nat: LabNat, host: LabHost, routes: 'rules' | 'metric' = 'rules'): Promise<string> {
    const name = `${host.name}2`;
    this.#claim(name);
    const lan = this.#lans.get(nat.name);
    if (!lan) throw new Error(`${nat.name} is not a NAT`);
    const address = `${lan.prefix}.${10 + lan.hosts++}`;
    await this.sandbox.shell(
      [
        `ip link add name ${name} netns ${nat.name} type veth peer name lan1 netns ${host.name}`,
        `ip -n ${nat.name} link set dev ${name} master lan up`,
        `ip -n ${host.name} addr add ${address}/24 dev lan1`,
        `ip -n ${host.name} link set lan1 up`,
        ...(routes === 'metric'
          ? [`ip -n ${host.name} route add default via ${lan.prefix}.1 dev lan1 metric 600`]
          : [
              `ip -n ${host.name} rule add from ${address} lookup 100`,
              `ip -n ${host.name} route add default via ${lan.prefix}.1 dev lan1 table 100`,
            ]),
      ].join('\n'),
    );
    return address;
  }

  #host(name: string, addresses: readonly string[]): LabHost {
    return { name, address: addresses[0]!, addresses, spawn: (argv, env) => this.sandbox.spawn(name, argv, env) };
  }

  /** Runs a shell script on the core router. */
  async atCore(script: string): Promise<string> {
    return await this.#in('core', script);
  }

  /** From here on the core router drops what one of these conditions of nft matches, and nobody is told. */
  async cut(conditions: readonly string[]): Promise<void> {
    await this.atCore(
      [
        'nft add table ip cut',
        "nft 'add chain ip cut way { type filter hook forward priority 0; }'",
        ...conditions.map((condition) => `nft add rule ip cut way ${condition} drop`),
      ].join('\n'),
    );
  }

  /** All that was cut passes again. */
  async uncut(): Promise<void> {
    await this.atCore('nft delete table ip cut');
  }

  async #in(name: string, script: string): Promise<string> {
    return await this.sandbox.shell(`ip netns exec ${name} sh -eu -c ${quote(script)}`);
  }

  async close(): Promise<void> {
    await this.sandbox.close();
  }
}

function veth(above: string, name: string, below: string): string[] {
  return [`ip link add name ${name} netns ${above} type veth peer name wan netns ${below}`];
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function behaviourOf(behaviour: NatPreset | Partial<NatBehaviour>): NatBehaviour {
  if (typeof behaviour === 'string') return NAT_PRESETS[behaviour];
  return { ...NAT_PRESETS['home-router'], ...behaviour };
}

function namespaceCommands(name: string): string[] {
  return [`ip netns add ${name}`, `ip -n ${name} link set lo up`];
}

function ruleCommands(name: string, nat: NatBehaviour, external: string, lanPrefix: string): string {
  const { unrepliedMs, establishedMs } = nat.timeouts;
  return [
    `ip netns exec ${name} sysctl -q -w net.netfilter.nf_conntrack_udp_timeout=${unrepliedMs / 1000}`,
    `ip netns exec ${name} sysctl -q -w net.netfilter.nf_conntrack_udp_timeout_stream=${establishedMs / 1000}`,
    `ip netns exec ${name} nft -f - <<'RULES'\nflush ruleset\n${natRules(nat, external, `${lanPrefix}.0/24`)}\nRULES`,
  ].join('\n');
}

/** Opens an empty lab: the core router and nothing else. Close it, or let the process end. */
export async function openLab(options: LabOptions = {}): Promise<Lab> {
  const sandbox = await openSandbox(options);
  await sandbox.shell(
    [...namespaceCommands('core'), 'ip netns exec core sysctl -q -w net.ipv4.ip_forward=1'].join('\n'),
  );
  return new Lab(sandbox, options);
}
