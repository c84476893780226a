/** Official public servers are joined directly (docs/seed.md S26): the game itself connects to the address that the list has of them. */

import { cleanText, type ListEntry, PEER_LIMITS } from '../core/index.ts';
import { copyToClipboard, SallyportError } from '../node/index.ts';
import type { AgentFlagValues } from './agent-flags.ts';
import { withAgent } from './agents.ts';
import type { Invocation } from './run.ts';
import { t } from './words/index.ts';

export interface OfficialFlags extends AgentFlagValues {
  readonly 'no-clipboard'?: boolean | undefined;
}

/** Only addresses of official servers are known to anybody; players' own are in no list. */
export async function joinOfficial(invocation: Invocation, flags: OfficialFlags, address: string): Promise<void> {
  await withAgent({ flags, invocation }, async (agent) => {
    const found = (await agent.list()).find((entry) => entry.address?.toLowerCase() === address.toLowerCase());
    if (found === undefined) {
      throw new SallyportError('CODE_UNKNOWN', {
        detail: t('No official server of this master has the address {address}.', { address }),
      });
    }
    await tellOfficial(invocation, flags, found);
  });
}

/** The address is all there is to a direct join: nothing stays open, so the command ends with it. */
export async function tellOfficial(invocation: Invocation, flags: OfficialFlags, entry: ListEntry): Promise<void> {
  const { terminal, env } = invocation;
  const address = entry.address as string;
  const name = cleanText(entry.name, PEER_LIMITS.nameShownMax);
  terminal.event('official', { name, address }, 'whole');
  terminal.result(address);
  terminal.fact('done', 'Official', t('"{name}" is public: no path has to be made', { name }));
  const copied = flags['no-clipboard'] ? false : await copyToClipboard(address, env);
  terminal.say();
  const where = `${t('In the game connect to').padEnd(24)}  ${address}`;
  terminal.say(`  ${where}${copied ? `          ${t('(copied)')}` : ''}`, 'whole');
}
