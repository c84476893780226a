import { tMaybe } from '../messages/index.ts';

/** Open / Moderate / Strict with a colour, a shape and the word: never the colour alone. */
export function VerdictBadge(props: { readonly verdict: string }) {
  const shape =
    props.verdict === 'open' ? '●' : props.verdict === 'moderate' ? '◐' : props.verdict === 'strict' ? '○' : '·';
  return (
    <span class={`verdict ${props.verdict}`}>
      <span aria-hidden="true">{shape}</span> {tMaybe(`net.v.${props.verdict}`, props.verdict)}
    </span>
  );
}
