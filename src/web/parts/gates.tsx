import type { ComponentChildren } from 'preact';

/** Where things stand in the picture; the pieces that move use the same. */
export const GATES = { width: 640, height: 150, you: 46, ownWall: 190, peerWall: 450, host: 594, lane: 118 } as const;

export type GateState = 'shut' | 'ajar' | 'open';

/**
 * You and a friend, each behind a wall of your own, as a router is one; the gates open from the inside. What it shows is always said
 * in words beside it.
 */
export function Gates(props: {
  /** Null: an ornament. */
  readonly label: string | null;
  readonly own: GateState;
  readonly peer: GateState;
  readonly up: boolean;
  /** Somebody stands at the door there and waits for an answer. */
  readonly knocks?: boolean;
  readonly children?: ComponentChildren;
}) {
  const { label, own, peer, up } = props;
  const { width, height, you, host, lane } = GATES;
  return (
    <svg
      class="gates"
      viewBox={`0 34 ${width} ${height - 34}`}
      role="img"
      aria-hidden={label === null}
      aria-label={label ?? ''}
    >
      <radialGradient id="lamp">
        <stop offset="0" stop-color="currentColor" stop-opacity="0.75" />
        <stop offset="1" stop-color="currentColor" stop-opacity="0" />
      </radialGradient>
      <line class="earth" x1="8" y1="136" x2={width - 8} y2="136" />
      <Tower at={GATES.ownWall} state={own} />
      <Tower at={GATES.peerWall} state={peer} />
      <line class={up ? 'way up' : 'way'} x1={you + 26} y1={lane} x2={host - 26} y2={lane} />
      <Computer at={you} />
      <Computer at={host} far />
      {props.knocks === true ? (
        <g class="knock">
          <circle cx={GATES.peerWall - 58} cy="62" r="15" />
          <path d={`M${GATES.peerWall - 62} 58a4 4 0 1 1 6 4q-2 1.500-2 4m0 5v.1`} />
        </g>
      ) : null}
      {props.children}
    </svg>
  );
}

function Tower(props: { readonly at: number; readonly state: GateState }) {
  const { at, state } = props;
  return (
    <g class={`tower ${state}`}>
      <path class="stone" d={`M${at - 36} 136V44a3 3 0 0 1 3-3h11v11h13V41h18v11h13V41h11a3 3 0 0 1 3 3v92z`} />
      <path class="joint" d={`M${at - 28} 68h14m10 0h18m-34 16h10m24 0h12`} />
      <ellipse class="glow" cx={at} cy="112" rx="66" ry="38" />
      <path class="gate" d={`M${at - 18} 136V114a18 18 0 0 1 36 0v22z`} />
      {state === 'open' ? null : (
        <path class="bars" d={`M${at - 9} 100v36m9-40v40m9-36v36M${at - 17} 112h34m-35 12h36`} />
      )}
    </g>
  );
}

function Computer(props: { readonly at: number; readonly far?: boolean }) {
  const { at, far = false } = props;
  return (
    <g class={far ? 'computer far' : 'computer'}>
      <rect x={at - 26} y="92" width="52" height="34" rx="5" />
      <path d={`M${at - 9} 136h18m-9-10v10`} />
      <path class="face" d={far ? `M${at - 8} 109h16m-8-8v16` : `M${at - 8} 102l8 7-8 7m12 0h7`} />
    </g>
  );
}
