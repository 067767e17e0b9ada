/** Recognises the wearer's activity by the phone's sensors, with a model and the recogniser as WebAssembly. */

import { MOUNTING_FOUND, MOUNTING_LOST, openModel, sampleOf } from './engine.js';
import words from './words.js';

const BAND_S = 180;
const LONGEST_BAR_S = 2; // no bar over a gap
const SILENCE_MS = 3000;
const HOLD_MS = 2000;
const LIKELY = 0.5; // below it, no other activity is named, and the activity is doubted
const MOST_SAMPLES = 1_000_000; // 4.6 hours at 60 Hz; har-edge reads 1.5 million lines
// Okabe and Ito's, which the colour-blind tell apart, as in the app.
const COLOURS = ['#0072b2', '#009e73', '#cc79a7', '#e69f00', '#d55e00', '#56b4e9', '#8a8a8a'];

const INSECURE = 'Browsers give motion to pages by https or of http://localhost only: open this one so.';
const NO_MOTION = 'No motion came: open this page on a phone, and allow motion sensors in the settings of its browser.';
const SILENT = 'No motion has come for 3 seconds: see the settings of sensors, and keep the page visible.';
const NO_ROTATION = 'No rotation came, which the model needs: take a phone with a gyroscope.';
const REFUSED = 'Motion was refused: allow it for this page in the settings of the browser, and load the page again.';
const FULL = 'No more samples are kept: save them, and press Stop and Start.';
const UNSAVED = 'The samples are not saved. Drop them?';
const HIDDEN = 'The page was hidden, and browsers then stop the sensors: press Start.';

/** Each is seconds, g (x, y, z), rad/s (x, y, z), a place among the labels, -1 for none, and the subject. */
export const samples = [];

let model;
let card;
let chosen; // the model's name
let saved = 0; // of the samples
let isRunning = false;
let hasMotion; // since the start
let waiting; // for the next sample: a timer
let screenLock;
let lastDecision; // in seconds
let holding; // the button that unlocks: a timer

const $ = (id) => document.getElementById(id);
// As people say it; cards and CSV keep the data set's LAYING.
const plain = (name) => name.replace(/\bLAYING\b/g, 'LYING').replaceAll('_', ' ').toLowerCase();
const titled = (name) => plain(name).replace(/^./, (letter) => letter.toUpperCase());
const colour = (row) => COLOURS[row % COLOURS.length];
const isWornAnyWay = () => card.frame === 'walking';
const isUnsaved = () => saved < samples.length;
const instruction = () => (isWornAnyWay() ? words.wearAnyWay : words.wear);

/** Set a text if it is another: each change is read aloud. */
function show(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}

function headline(activity, status) {
  show('activity', activity);
  show('covered', activity);
  show('status', status);
}

function made(tag, text = '', style = {}) {
  const element = document.createElement(tag);
  element.textContent = text;
  Object.assign(element.style, style);
  return element;
}

async function choose() {
  if (isUnsaved() && !confirm(UNSAVED)) return ($('model').value = chosen);
  samples.length = saved = 0;
  chosen = $('model').value;
  $('start').disabled = $('model').disabled = $('saving').hidden = true;
  // Perhaps it does not come, or the browser is too old.
  model = await openModel(`${encodeURIComponent(chosen)}.wasm`).catch((error) => headline(words.stopped, error.message));
  $('model').disabled = false;
  if (!model) return;
  ({ card } = model);
  $('label').replaceChildren(...[words.noLabel, ...card.labels.map(titled)].map((x, i) => new Option(x, i - 1)));
  headline(words.ready, instruction());
  $('placement').hidden = !isWornAnyWay();
  $('start').disabled = false;
}

async function start() {
  const motion = globalThis.DeviceMotionEvent;
  if (!isSecureContext || !motion) return headline(words.stopped, isSecureContext ? NO_MOTION : INSECURE);
  // Asked for in the click, as iOS wants it.
  const allowed = motion.requestPermission ? await motion.requestPermission().catch(String) : 'granted';
  if (allowed !== 'granted') return headline(words.stopped, REFUSED);
  model.start($('waist').checked);
  isRunning = true;
  if (!isUnsaved()) samples.length = saved = 0;
  hasMotion = lastDecision = undefined;
  addEventListener('devicemotion', take);
  waiting = setTimeout(() => stop(hasMotion ? NO_ROTATION : NO_MOTION), SILENCE_MS);
  $('probabilities').replaceChildren(...card.labels.map((label, i) => {
    const item = made('li');
    item.append(made('span', titled(label)), made('i', '', { background: colour(i) }), made('b'));
    return item;
  }));
  $('band').replaceChildren();
  $('model').disabled = $('waist').disabled = $('about').hidden = true;
  $('label').disabled = false;
  $('saving').hidden = !isUnsaved();
  show('start', words.stop);
  show('notice', '');
  show('worn', isWornAnyWay() ? words.wornUnknown : words.wornUpright);
  headline(words.starting, words.firstWindow);
  screenLock = await navigator.wakeLock?.request('screen').catch(() => null);
  if (!isRunning) screenLock?.release();
}

/** Stop; `why` is none when somebody asked for it. */
function stop(why) {
  isRunning = false;
  removeEventListener('devicemotion', take);
  clearTimeout(waiting);
  screenLock?.release();
  uncover();
  $('model').disabled = $('waist').disabled = $('about').hidden = false;
  $('live').hidden = $('label').disabled = true;
  show('start', words.start);
  show('notice', '');
  headline(why ? words.stopped : words.ready, why ?? instruction());
}

function take(event) {
  hasMotion ||= event.accelerationIncludingGravity?.x != null;
  const sample = sampleOf(event, card);
  if (!sample) return;
  clearTimeout(waiting);
  waiting = setTimeout(() => headline(words.unknown, SILENT), SILENCE_MS);
  $('live').hidden = $('saving').hidden = false;
  const us = Math.round(1000 * event.timeStamp);
  if (samples.length < MOST_SAMPLES) samples.push([us / 1e6, ...sample, Number($('label').value), $('subject').value]);
  show('full', samples.length < MOST_SAMPLES ? '' : FULL);
  for (const next of model.push(us, sample)) (next.probabilities ? decided : noticed)(next.us / 1e6, next);
}

function decided(seconds, { labels, isWarmingUp, reason, probabilities }) {
  const activity = labels.length ? titled(labels.join(' or ')) : words.unknown;
  const share = card.labels.reduce((sum, label, i) => sum + (labels.includes(label) ? probabilities[i] : 0), 0);
  const likeliest = card.labels[probabilities.indexOf(Math.max(...probabilities))];
  if (labels.length && Math.max(...probabilities) > LIKELY && !labels.includes(likeliest)) {
    headline(`${titled(likeliest)}?`, words.untilCertain(activity));
  } else {
    headline(labels.length && share < LIKELY ? `${activity}?` : activity, words.reasons[reason] || (isWarmingUp ? words.warmingUp : ''));
  }
  for (const [i, { children }] of [...$('probabilities').children].entries()) {
    children[1].style.width = `${100 * probabilities[i]}%`;
    children[2].textContent = `${Math.round(100 * probabilities[i])} %`;
  }
  const passed = seconds - (lastDecision ?? seconds - LONGEST_BAR_S);
  const width = (x) => `${(100 * x) / BAND_S}%`;
  const colours = labels.length ? labels.map((x) => colour(card.labels.indexOf(x))) : ['transparent'];
  $('band').append(made('i', '', {
    width: width(Math.min(passed, LONGEST_BAR_S)),
    marginLeft: width(Math.max(passed - LONGEST_BAR_S, 0)),
    background: `linear-gradient(${colours[0]} 50%, ${colours.at(-1)} 50%)`,
  }));
  if ($('band').children.length > BAND_S) $('band').firstChild.remove();
  lastDecision = seconds;
}

function noticed(seconds, { kind, amount }) {
  const time = new Date(performance.timeOrigin + 1000 * seconds).toLocaleTimeString();
  const text = words.notices[kind](amount, card.window.rate_hz);
  if (text) show('notice', `${time}: ${text}`);
  if (kind === MOUNTING_LOST) show('worn', words.wornUnknown);
  if (kind !== MOUNTING_FOUND) return;
  const alike = ($('waist').checked ? [] : card.alike).map(({ placements, labels }) => words.alike(placements, labels.map(plain)));
  show('worn', [words.wornAsFound, ...alike].join(' '));
}

/** Save the samples as the app's recordings are. */
function save(event) {
  event.preventDefault();
  const quoted = (text) => `"${text.replaceAll('"', '""')}"`;
  const lines = samples.map(([seconds, ...values]) => {
    const subject = values.pop() || $('subject').value;
    const label = card.labels[values.pop()] ?? '';
    return [Math.round(1e9 * seconds), ...values.map((x) => x.toFixed(6)), quoted(label), quoted(subject)].join();
  });
  const header = 'timestamp[ns],ax[g],ay[g],az[g],gx[rad/s],gy[rad/s],gz[rad/s],label,subject';
  download(`${[header, ...lines].join('\n')}\n`, 'recording.csv');
  saved = samples.length;
}

function download(text, name) {
  const href = URL.createObjectURL(new Blob([text]));
  Object.assign(document.createElement('a'), { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}

async function measure() {
  if (isRunning) stop();
  $('bench').disabled = true;
  try {
    const { bench } = await import('./bench.js');
    const report = await bench(encodeURIComponent($('model').value), (text) => show('progress', text));
    const [{ accuracy, latency_ms: latency, doubts }] = report.results;
    const microseconds = (1000 * latency.p50).toFixed(1);
    show('result', `${microseconds} µs for a window (median), ${(100 * accuracy).toFixed(2)} % right; ${doubts.join('; ')}.`);
    $('json').hidden = false;
    $('json').onclick = () => download(JSON.stringify(report, null, 2), 'bench-page.json');
  } catch (error) {
    show('progress', error.message);
  }
  $('bench').disabled = false;
}

function uncover() {
  $('cover').close();
  if (document.fullscreenElement) document.exitFullscreen();
}

$('start').onclick = () => (isRunning ? stop() : start());
$('model').onchange = choose;
$('recording').onsubmit = save;
$('bench').onclick = measure;
// Touches in a pocket would leave the page.
$('lock').onclick = () => {
  $('cover').showModal();
  $('cover').requestFullscreen?.().catch(() => null);
};
$('unlock').onpointerdown = () => (holding = setTimeout(uncover, HOLD_MS));
$('unlock').onpointerup = $('unlock').onpointerleave = $('unlock').onpointercancel = () => clearTimeout(holding);
$('cover').oncancel = $('cover').oncontextmenu = (event) => event.preventDefault();
onbeforeunload = (event) => isUnsaved() && event.preventDefault();
document.onvisibilitychange = () => document.hidden && isRunning && stop(HIDDEN);
const names = await (await fetch('models.txt')).text();
$('model').replaceChildren(...names.split('\n').map((name) => new Option(name)));
await choose();
