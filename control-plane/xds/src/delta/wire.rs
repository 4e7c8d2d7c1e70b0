//! Responses on the wire: what a snapshot holds is not copied for each stream.

use bytes::{BufMut as _, Bytes, BytesMut};
use prost::Message as _;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len, string};

use crate::delta::{Body, Entry, Response};

/// To share fewer bytes costs more than to copy them.
const SHARED_BYTES_MIN: usize = 1024;

const RESOURCES: u32 = 2;
const RESOURCE: u32 = 2;
const TYPE_URL: u32 = 1;
const VALUE: u32 = 2;

impl Response {
    /// The encoded message, in parts, of which bodies are shared with the snapshot.
    pub fn into_parts(mut self) -> Vec<Bytes> {
        let mut parts = Parts::default();
        for entry in std::mem::take(&mut self.resources) {
            parts.entry(entry);
        }
        parts.rest(&self);
        parts.close();
        parts.done
    }
}

#[derive(Default)]
struct Parts {
    done: Vec<Bytes>,
    /// What was written since.
    open: BytesMut,
}

impl Parts {
    fn entry(&mut self, mut entry: Entry) {
        let body = entry.resource.take();
        let any = body.as_ref().map_or(0, |body| field_len(RESOURCE, any_len(body)));
        encode_key(RESOURCES, WireType::LengthDelimited, &mut self.open);
        encode_varint(len(entry.encoded_len().saturating_add(any)), &mut self.open);
        self.rest(&entry);
        if let Some(body) = body {
            self.body(&body);
        }
    }

    fn body(&mut self, body: &Body) {
        encode_key(RESOURCE, WireType::LengthDelimited, &mut self.open);
        encode_varint(len(any_len(body)), &mut self.open);
        string::encode(TYPE_URL, &body.type_url, &mut self.open);
        encode_key(VALUE, WireType::LengthDelimited, &mut self.open);
        encode_varint(len(body.value.len()), &mut self.open);
        if body.value.len() < SHARED_BYTES_MIN {
            self.open.put_slice(&body.value);
        } else {
            self.close();
            self.done.push(body.value.clone());
        }
    }

    fn rest(&mut self, message: &impl prost::Message) {
        // Room is made as it is needed, so that it cannot run out.
        self.open.put(message.encode_to_vec().as_slice());
    }

    fn close(&mut self) {
        if !self.open.is_empty() {
            self.done.push(self.open.split().freeze());
        }
    }
}

fn any_len(Body { type_url, value }: &Body) -> usize {
    string::encoded_len(TYPE_URL, type_url).saturating_add(field_len(VALUE, value.len()))
}

/// With its key, and its length before it.
fn field_len(tag: u32, bytes: usize) -> usize {
    key_len(tag).saturating_add(encoded_len_varint(len(bytes))).saturating_add(bytes)
}

fn len(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn body() -> impl Strategy<Value = Body> {
        let value = prop_oneof![
            Just(0_usize),
            1_usize..200,
            SHARED_BYTES_MIN - 1..SHARED_BYTES_MIN + 2,
            16_000_usize..17_000,
        ];
        ("[a-z.]{0,9}", value)
            .prop_map(|(type_url, bytes)| Body { type_url, value: vec![7; bytes].into() })
    }

    fn entry() -> impl Strategy<Value = Entry> {
        let fields = ("[0-9]{0,5}", prop::option::of(body()), "[a-z]{0,5}");
        fields.prop_map(|(version, resource, name)| Entry { version, resource, name })
    }

    proptest! {
        #[test]
        fn parts_together_are_the_message(
            resources in prop::collection::vec(entry(), 0..5),
            type_url in "[a-z]{0,5}",
            nonce in "[0-9]{0,3}",
            removed_resources in prop::collection::vec("[a-z]{0,5}", 0..3),
        ) {
            let response = Response { resources, type_url, nonce, removed_resources };
            let parts = response.clone().into_parts();
            let whole: Vec<u8> = parts.iter().flatten().copied().collect();
            prop_assert_eq!(Response::decode(whole.as_slice()).unwrap(), response);
        }
    }

    #[test]
    fn a_large_body_is_the_one_of_the_snapshot() {
        let value = Bytes::from(vec![7; 5000]);
        let body = Body { type_url: "t".to_owned(), value: value.clone() };
        let entry = Entry { version: "1".to_owned(), resource: Some(body), name: "a".to_owned() };
        let parts = Response { resources: vec![entry], ..Response::default() }.into_parts();
        assert!(parts.iter().any(|part| part.as_ptr() == value.as_ptr()));
    }
}
