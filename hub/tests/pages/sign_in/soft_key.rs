//! A passkey in a test's memory, which can also do what no device should.

use data_encoding::BASE64URL_NOPAD;
use hub::service::secret::sha256;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

const PRESENT: u8 = 1;
const VERIFIED: u8 = 4;
const WITH_KEY: u8 = 64;

/// A key pair, and what its device would remember of it.
pub struct SoftKey {
    key: EcdsaKeyPair,
    pub id: Vec<u8>,
    /// Whose it says it is.
    pub user: Vec<u8>,
    pub counter: u32,
    /// Which page it believes to be asked by.
    pub origin: &'static str,
    /// Whether it checks who holds it.
    pub verifies: bool,
}

impl SoftKey {
    /// Makes one as `options` ask for it; answers it and what the browser would send.
    pub fn make(options: &Value, number: u8) -> (Self, Value) {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let key =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random)
                .unwrap();
        let user = options["publicKey"]["user"]["id"].as_str().unwrap();
        let made = Self {
            key,
            id: vec![number; 32],
            user: BASE64URL_NOPAD.decode(user.as_bytes()).unwrap(),
            counter: 0,
            origin: "http://localhost:8080",
            verifies: true,
        };
        let answer = made.made(options);
        (made, answer)
    }

    /// What the browser sends once it was made.
    pub fn made(&self, options: &Value) -> Value {
        let client = self.client(options, "webauthn.create");
        let point = &self.key.public_key().as_ref()[1..];
        // COSE: an EC2 key for ES256 on P-256.
        let cose = [
            &[0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20],
            &point[..32],
            &[0x22, 0x58, 0x20],
            &point[32..],
        ]
        .concat();
        let length = u16::try_from(self.id.len()).unwrap().to_be_bytes();
        let data = [self.data(WITH_KEY).as_slice(), &[0; 16], &length, &self.id, &cose].concat();
        let attestation = [
            b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".as_slice(),
            &[u8::try_from(data.len()).unwrap()],
            &data,
        ]
        .concat();
        self.answer(json!({
            "clientDataJSON": text(client.as_bytes()), "attestationObject": text(&attestation)
        }))
    }

    /// What the browser sends when it is shown.
    pub fn show(&mut self, options: &Value) -> Value {
        self.counter += 1;
        let client = self.client(options, "webauthn.get");
        let data = self.data(0);
        let signed = [data.as_slice(), &sha256(client.as_bytes())].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed).unwrap();
        self.answer(json!({
            "clientDataJSON": text(client.as_bytes()), "authenticatorData": text(&data),
            "signature": text(signature.as_ref()), "userHandle": text(&self.user)
        }))
    }

    fn client(&self, options: &Value, kind: &str) -> String {
        let challenge = &options["publicKey"]["challenge"];
        json!({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false})
            .to_string()
    }

    fn data(&self, more: u8) -> Vec<u8> {
        let flags = PRESENT | if self.verifies { VERIFIED } else { 0 } | more;
        [sha256(b"localhost").as_slice(), &[flags], &self.counter.to_be_bytes()].concat()
    }

    fn answer(&self, response: Value) -> Value {
        let id = text(&self.id);
        json!({"id": id, "rawId": id, "type": "public-key", "response": response, "extensions": {}})
    }
}

fn text(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}
