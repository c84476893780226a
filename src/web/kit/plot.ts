/** uPlot with its style, loaded where the first curve is drawn. */
import 'uplot/dist/uPlot.min.css';

export { default as Plot } from 'uplot';
