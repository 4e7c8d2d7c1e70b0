use std::ops::Range;

/// A list of headers in the order they were sent.
///
/// Values are bytes: HTTP does not promise UTF-8, and a client that sends
/// something else must not be able to cause a panic. The whole list stands in
/// the one buffer that the host handed over.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Headers {
    bytes: Vec<u8>,
    lines: Vec<(Range<usize>, Range<usize>)>,
}

/// A header that may stand once stood twice.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the header stands more than once")]
pub struct Duplicate;

/// The bytes are not a list of headers in the host's encoding.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the host's list of headers is malformed")]
pub struct MalformedPairs;

/// More than Envoy itself hands over (`PairsUtil` in its proxy-wasm host).
const LINES_MAX: u32 = 1024;

impl Headers {
    /// Reads the host's encoding: a count, that many pairs of lengths, then
    /// names and values each followed by a zero byte; numbers are 32 bits,
    /// little-endian (proxy-wasm ABI 0.2.1, "header map pairs").
    pub fn decode(bytes: Vec<u8>) -> Result<Self, MalformedPairs> {
        let count = number(&bytes, 0)?;
        if LINES_MAX < count {
            return Err(MalformedPairs);
        }
        let count = count as usize;
        let mut lines = Vec::with_capacity(count);
        let mut at = after(4, count.saturating_mul(8))?;
        for line in 0..count {
            let lengths = after(4, line.saturating_mul(8))?;
            let name = text(&bytes, at, number(&bytes, lengths)?)?;
            let value = text(&bytes, after(name.end, 1)?, number(&bytes, after(lengths, 4)?)?)?;
            at = after(value.end, 1)?;
            lines.push((name, value));
        }
        Ok(Self { bytes, lines })
    }

    /// Every line, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
        self.lines.iter().map(|(name, value)| (self.slice(name), self.slice(value)))
    }

    /// The first value of a header, whose name is given in lower case.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.values(name).next()
    }

    /// The value of a header that must not stand twice.
    pub fn only(&self, name: &str) -> Result<Option<&[u8]>, Duplicate> {
        let mut values = self.values(name);
        let first = values.next();
        if values.next().is_some() { Err(Duplicate) } else { Ok(first) }
    }

    fn values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.iter().filter(move |(key, _)| *key == name.as_bytes()).map(|(_, value)| value)
    }

    fn slice(&self, range: &Range<usize>) -> &[u8] {
        self.bytes.get(range.clone()).unwrap_or_default()
    }
}

impl<N: AsRef<[u8]>, V: AsRef<[u8]>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut headers = Self::default();
        for (name, value) in pairs {
            let name = headers.push(name.as_ref());
            let value = headers.push(value.as_ref());
            headers.lines.push((name, value));
        }
        headers
    }
}

impl Headers {
    fn push(&mut self, part: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(part);
        start..self.bytes.len()
    }
}

fn number(bytes: &[u8], at: usize) -> Result<u32, MalformedPairs> {
    let four = bytes.get(at..after(at, 4)?).and_then(|four| four.try_into().ok());
    four.map(u32::from_le_bytes).ok_or(MalformedPairs)
}

fn text(bytes: &[u8], start: usize, len: u32) -> Result<Range<usize>, MalformedPairs> {
    let end = after(start, len as usize)?;
    // The zero byte that follows must be there too.
    if end < bytes.len() { Ok(start..end) } else { Err(MalformedPairs) }
}

fn after(start: usize, len: usize) -> Result<usize, MalformedPairs> {
    start.checked_add(len).ok_or(MalformedPairs)
}
