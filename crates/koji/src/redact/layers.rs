//! *Layers* of a text: as it is, with escapes of one kind undone, with those undone that this brought to light, and so on. Kinds
//! are those of URLs (`%2B`), of XML and HTML (`&lt;`, `&#43;`), and of JSON, Python, Rust and shells (`\"`, `\n`, `\x2b`, `\u002b`,
//! `\u{2b}`). One kind at a time: a secret may itself look like an escape of another.

/// What escapes of each kind begin with.
pub const KINDS: [u8; 3] = *b"%&\\";

/// How many layers are looked through at most: escapes are rarely escaped, and hardly ever twice.
const MOST: usize = 16;

/// The longest name or number of an entity, in bytes.
const LONGEST_ENTITY: usize = 10;

/// A text as bytes.
pub struct Layer {
    pub bytes: Vec<u8>,
    /// The same in small letters.
    pub lower: Vec<u8>,
    /// Where each byte comes from in the text; none: it is the text.
    pub spans: Option<Vec<(usize, usize)>>,
}

impl Layer {
    fn new(bytes: Vec<u8>, spans: Option<Vec<(usize, usize)>>) -> Self {
        Self { lower: bytes.to_ascii_lowercase(), bytes, spans }
    }
}

/// The layers of `text`, itself first.
pub fn of(text: &str) -> Vec<Layer> {
    let mut layers = vec![Layer::new(text.as_bytes().to_vec(), None)];
    let mut at = 0;
    while at < layers.len() && layers.len() < MOST {
        for kind in KINDS {
            let next = layers.get(at).and_then(|layer| below(layer, kind));
            if let Some(next) = next.filter(|next| layers.iter().all(|layer| layer.bytes != next.bytes)) {
                layers.push(next);
            }
        }
        at += 1;
    }
    // An entry that begins inside of a character cannot be cut out: a span covers whole ones.
    for layer in &mut layers {
        for span in layer.spans.iter_mut().flatten() {
            while !text.is_char_boundary(span.0) {
                span.0 -= 1;
            }
            while !text.is_char_boundary(span.1) {
                span.1 += 1;
            }
        }
    }
    layers
}

/// A layer with its escapes of one kind undone; none when it has none.
fn below(layer: &Layer, kind: u8) -> Option<Layer> {
    let text = &layer.bytes;
    // Most that look like escapes are none, and a text may be long: nothing is made before there is one.
    memchr::memchr_iter(kind, text).find(|at| escape(&text[*at..]).is_some())?;
    let (mut bytes, mut spans) = (Vec::with_capacity(text.len()), Vec::with_capacity(text.len()));
    let origin = |at: usize| match &layer.spans {
        None => (at, at + 1),
        Some(spans) => spans[at],
    };
    let mut at = 0;
    while at < text.len() {
        let meant = Some(&text[at..]).filter(|rest| rest[0] == kind).and_then(escape);
        let (meant, long) = meant.unwrap_or_else(|| (vec![text[at]], 1));
        let span = (origin(at).0, origin(at + long - 1).1);
        spans.extend(std::iter::repeat_n(span, meant.len()));
        bytes.extend(meant);
        at += long;
    }
    Some(Layer::new(bytes, Some(spans)))
}

/// What the escape at the beginning of `text` means, and how long it is.
fn escape(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    match text {
        [b'%', rest @ ..] => Some((vec![u8::try_from(number(rest.get(..2)?, 16)?).ok()?], 3)),
        [b'&', rest @ ..] => {
            let end = rest.iter().take(LONGEST_ENTITY).position(|byte| *byte == b';')?;
            Some((entity(&rest[..end])?, end + 2))
        }
        [b'\\', letter, rest @ ..] => {
            let one = |byte: u8| Some((vec![byte], 2));
            match letter {
                b'n' => one(b'\n'),
                b'r' => one(b'\r'),
                b't' => one(b'\t'),
                b'x' => Some((character(number(rest.get(..2)?, 16)?)?, 4)),
                b'u' if rest.first() == Some(&b'{') => {
                    let end = rest.iter().take(LONGEST_ENTITY).position(|byte| *byte == b'}')?;
                    Some((character(number(&rest[1..end], 16)?)?, end + 3))
                }
                b'u' => Some((character(number(rest.get(..4)?, 16)?)?, 6)),
                letter if letter.is_ascii_punctuation() => one(*letter),
                _ => None,
            }
        }
        _ => None,
    }
}

fn entity(name: &[u8]) -> Option<Vec<u8>> {
    match name {
        b"amp" => Some(b"&".to_vec()),
        b"lt" => Some(b"<".to_vec()),
        b"gt" => Some(b">".to_vec()),
        b"quot" => Some(b"\"".to_vec()),
        b"apos" => Some(b"'".to_vec()),
        b"nbsp" => Some(b" ".to_vec()),
        [b'#', b'x' | b'X', digits @ ..] => character(number(digits, 16)?),
        [b'#', digits @ ..] => character(number(digits, 10)?),
        _ => None,
    }
}

fn number(digits: &[u8], radix: u32) -> Option<u32> {
    let digits =
        std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    u32::from_str_radix(digits, radix).ok()
}

fn character(number: u32) -> Option<Vec<u8>> {
    Some(char::from_u32(number)?.to_string().into_bytes())
}
