/** A simulated user's network in words, for the log of `sallyport sim`. */
import { describeAllocation } from './nat/allocation.ts';
import type { NatBehaviour } from './nat/behaviour.ts';
import type { SimUser } from './population.ts';

const DEPENDENCE = {
  none: 'no translation',
  'endpoint-independent': 'same port for everybody',
  address: 'a port for each address',
  'address-and-port': 'a port for each address and port',
} as const;

const FILTER = {
  'endpoint-independent': 'lets anybody in',
  address: 'lets in known addresses',
  'address-and-port': 'lets in known addresses and ports',
} as const;

/** `S6, mobile: 3 routers, then a NAT with a port for each address and port, ...` */
export function describeUser(user: SimUser): string {
  const head = `${user.class}, ${user.access}`;
  if (user.chain.length === 0) return `${head}: a public address`;
  const own = user.ownRouters > 0 ? `${user.ownRouters} routers, then ` : '';
  const boxes = user.chain.map(({ nat, routers }, index) => {
    const further = index < user.chain.length - 1 && routers > 0 ? `, ${routers} routers` : '';
    return `${describeNat(nat)}${further}`;
  });
  return `${head}: ${own}${boxes.join(', then ')}${user.exposed ? '; everything forwarded to this computer' : ''}`;
}

function describeNat(nat: NatBehaviour): string {
  if (nat.udpBlocked) return 'a box that blocks UDP';
  const facts = [
    DEPENDENCE[nat.mapping],
    describeAllocation(nat.allocation),
    FILTER[nat.filtering],
    ...(nat.unsolicited === 'accept' ? ['accepts strangers itself'] : []),
    ...(nat.background ? [`${Math.round(nat.background.perSecond)} mappings/s by others`] : []),
    ...(nat.pooling === 'arbitrary' ? [`${nat.addresses} addresses by chance`] : []),
    ...(nat.parity ? ['keeps parity'] : []),
    ...(nat.subscriberMappingsMax ? [`at most ${nat.subscriberMappingsMax} mappings`] : []),
    ...(nat.balancedBoxes ? [`${nat.balancedBoxes} boxes side by side`] : []),
  ];
  return `a NAT (${facts.join(', ')})`;
}
