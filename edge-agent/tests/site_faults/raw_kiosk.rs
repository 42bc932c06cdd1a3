//! A kiosk that says of its questions what it likes: which they are, and how long ago they were sent.

use std::sync::Arc;
use std::time::{Duration, Instant};

use edge_agent::Site;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, PublishProperties};
use rumqttc::v5::{AsyncClient, Event, MqttOptions};
use rumqttc::{TlsConfiguration, Transport};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use wire::bus::MAX_PACKET_BYTES;
use wire::request::{Answer, Card, Request, Secret};
use wire::topics::{DeviceKind, Topic};

use crate::site_support::{DEADLINE, House, id};

const KIOSK: &str = "y-kiosk-1";
/// So long it has been running when it joins.
const RUNNING: Duration = Duration::from_secs(3600);

/// A card of this identifier is put on the reader.
pub fn tap(identifier: &str) -> Request {
    Request::Tap { card: Card::Identifier { identifier: Secret(identifier.to_owned()) } }
}

pub struct RawKiosk {
    client: AsyncClient,
    answers: mpsc::UnboundedReceiver<(Vec<u8>, Answer)>,
    /// Answers to other questions than the one that was waited for.
    others: Vec<(Vec<u8>, Answer)>,
    line: JoinHandle<()>,
    boot: u64,
    asked: u64,
    joined: Instant,
}

impl Drop for RawKiosk {
    fn drop(&mut self) {
        self.line.abort();
    }
}

impl RawKiosk {
    pub async fn join(house: &House, site: &Site) -> Self {
        let identity = house.identity(KIOSK, DeviceKind::Kiosk);
        let address = site.bus_address().unwrap();
        let tls = Arc::new(identity.bus_client_config().unwrap());
        let mut options = MqttOptions::new(KIOSK, address.ip().to_string(), address.port());
        options
            .set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(tls)))
            .set_keep_alive(Duration::from_secs(5))
            .set_max_packet_size(Some(MAX_PACKET_BYTES));
        let (client, mut events) = AsyncClient::new(options, 64);
        let hears = Topic::Response(id(KIOSK)).to_string();
        client.try_subscribe(hears, QoS::AtLeastOnce).unwrap();
        let subscribed = async {
            while !matches!(events.poll().await.unwrap(), Event::Incoming(Packet::SubAck(_))) {}
        };
        timeout(DEADLINE, subscribed).await.unwrap();
        let (told, answers) = mpsc::unbounded_channel();
        let line = tokio::spawn(async move {
            // The line ends with the site.
            while let Ok(event) = events.poll().await {
                let Event::Incoming(Packet::Publish(publish)) = event else { continue };
                let asked = publish.properties.unwrap().correlation_data.unwrap().to_vec();
                let answer = serde_json::from_slice(&publish.payload).unwrap();
                told.send((asked, answer)).ok();
            }
        });
        let (others, joined) = (Vec::new(), Instant::now());
        Self { client, answers, others, line, boot: 1, asked: 0, joined }
    }

    /// From now on it speaks as one that has just started.
    pub fn start_again(&mut self) {
        self.boot += 1;
        self.joined = Instant::now();
    }

    /// Asks what it says that it sent so long ago. Answers which question that is.
    pub async fn ask(&mut self, age: Duration, request: &Request) -> Vec<u8> {
        self.asked += 1;
        // Whoever starts again has been running for less than before.
        let running = RUNNING / u32::try_from(self.boot).unwrap() + self.joined.elapsed();
        let sent = u64::try_from((running - age).as_millis()).unwrap();
        let asked = [self.boot, self.asked, sent].map(u64::to_be_bytes).concat();
        self.ask_as(&asked, request).await;
        asked
    }

    /// Asks as this question, which it may have asked before.
    pub async fn ask_as(&self, asked: &[u8], request: &Request) {
        let properties = PublishProperties {
            response_topic: Some(Topic::Response(id(KIOSK)).to_string()),
            correlation_data: Some(asked.to_vec().into()),
            message_expiry_interval: Some(4),
            ..Default::default()
        };
        let (topic, payload) =
            (Topic::Request(id(KIOSK)).to_string(), serde_json::to_vec(request).unwrap());
        let sent = self.client.publish_with_properties(
            topic,
            QoS::AtLeastOnce,
            false,
            payload,
            properties,
        );
        sent.await.unwrap();
    }

    /// The next answer to this question.
    pub async fn answer_to(&mut self, asked: &[u8]) -> Answer {
        loop {
            let (of, answer) = timeout(DEADLINE, self.answers.recv()).await.unwrap().unwrap();
            if of == asked {
                return answer;
            }
            self.others.push((of, answer));
        }
    }

    /// Whether an answer to this question has come that nobody has waited for.
    pub fn was_answered(&mut self, asked: &[u8]) -> bool {
        while let Ok(other) = self.answers.try_recv() {
            self.others.push(other);
        }
        self.others.iter().any(|(of, _)| of == asked)
    }
}
