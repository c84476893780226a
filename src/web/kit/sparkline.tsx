import { useEffect, useRef } from 'preact/hooks';
import type UPlot from 'uplot';

const WIDTH = 112;
const HEIGHT = 32;

/** The curve of a figure over the last minutes, without axes; `label` says in words what it shows. uPlot comes when the first is drawn. */
export function Sparkline(props: {
  readonly values: readonly (number | null)[];
  readonly label: string;
  /** The least height of the scale, so that noise looks like noise. */
  readonly atLeast: number;
  readonly tone?: 'info' | 'bad';
}) {
  const { values, label, atLeast, tone = 'info' } = props;
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot | null>(null);
  const newest = useRef(values);
  newest.current = values;
  useEffect(() => {
    let gone = false;
    void import('./plot.ts').then(({ Plot }) => {
      if (gone || place.current === null) return;
      plot.current = new Plot(options(place.current, atLeast), dataOf(newest.current), place.current);
    });
    return () => {
      gone = true;
      plot.current?.destroy();
      plot.current = null;
    };
  }, []);
  useEffect(() => plot.current?.setData(dataOf(values)), [values]);
  return <div class={`spark ${tone}`} ref={place} role="img" aria-label={label} />;
}

function dataOf(values: readonly (number | null)[]): UPlot.AlignedData {
  return [values.map((_value, n) => n), [...values]];
}

function options(place: HTMLElement, atLeast: number): UPlot.Options {
  const stroke = getComputedStyle(place).color;
  return {
    ...{ width: WIDTH, height: HEIGHT, legend: { show: false }, cursor: { show: false } },
    axes: [{ show: false }, { show: false }],
    scales: { x: { time: false }, y: { range: (_plot, _low, high) => [0, Math.max(atLeast, (high ?? 0) * 1.1)] } },
    series: [{}, { stroke, width: 2, points: { show: false }, fill: `color-mix(in srgb, ${stroke} 18%, transparent)` }],
  };
}
