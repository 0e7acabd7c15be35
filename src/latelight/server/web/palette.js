/** The colour scale of light on paper, the same as in the server's heat maps: white, amber, orange in OKLab. */

// OKLab lightness, chroma, hue in degrees, at equal steps.
const STOPS = [
  [1.0, 0.0, 105],
  [0.945, 0.1, 100],
  [0.885, 0.155, 90],
  [0.8, 0.17, 70],
  [0.725, 0.185, 52],
];

/** @param {number} linear */
function byte(linear) {
  const clipped = Math.min(Math.max(linear, 0), 1);
  return Math.round(
    255 * (clipped <= 0.0031308 ? 12.92 * clipped : 1.055 * clipped ** (1 / 2.4) - 0.055),
  );
}

/** @param {number} lightness @param {number} chroma @param {number} hue in radians @returns {[number, number, number]} Björn Ottosson's OKLab, 2020 */
function srgb(lightness, chroma, hue) {
  const [a, b] = [chroma * Math.cos(hue), chroma * Math.sin(hue)];
  const long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const short = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    byte(4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short),
    byte(-1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short),
    byte(-0.0041960863 * long - 0.7034186147 * medium + 1.707614701 * short),
  ];
}

/** @param {number} amount 0 to 1 */
function between(amount) {
  const at = amount * (STOPS.length - 1);
  const i = Math.min(Math.floor(at), STOPS.length - 2);
  const [lightness, chroma, hue] = STOPS[i].map(
    (low, n) => low + (STOPS[i + 1][n] - low) * (at - i),
  );
  return srgb(lightness, chroma, (hue * Math.PI) / 180);
}

const RAMP = Array.from({ length: 256 }, (_, i) => between(i / 255));

/** @param {number} amount 0 (paper) to 1 (brightest) @returns {[number, number, number]} */
export function colourOf(amount) {
  return RAMP[Math.round(Math.min(Math.max(amount, 0), 1) * 255)];
}
