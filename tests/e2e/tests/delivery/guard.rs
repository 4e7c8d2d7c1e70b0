//! Changes that nobody means.

use std::fmt::Write as _;

use tollgate_e2e::{Gateway, HOST, config};
use tollgate_support::{Call, eventually};

use super::{PATIENCE, is_logged};

/// So many routes, each with an answer of its own.
fn routes(count: usize) -> String {
    let mut text = String::new();
    for number in 0..count {
        let _ = writeln!(
            text,
            "      r{number}: {{ match: {{ path: /r{number} }}, auth: none, respond: {{ status: 200, body: r }} }}"
        );
    }
    config(&text)
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_folder_is_not_served_until_that_is_written_to_be_meant() {
    let gateway = Gateway::start(&routes(60)).await.unwrap();
    let last = Call::get(HOST, "/r59");
    assert_eq!(gateway.send(&last).await.unwrap().status, 200);
    gateway.write(&routes(30)).unwrap();
    let told =
        "routing.drop_max_percent: 30 of 60 routes would be gone, which is more than 20 percent";
    is_logged(&gateway.control_plane, &[told]).await;
    assert_eq!(gateway.send(&last).await.unwrap().status, 200);

    gateway.write(&format!("routing: {{ drop_max_percent: 50 }}\n{}", routes(30))).unwrap();
    eventually("they are gone", PATIENCE, async || {
        (gateway.send(&last).await.ok()?.status == 404).then_some(())
    })
    .await
    .unwrap();
    assert_eq!(gateway.send(&Call::get(HOST, "/r29")).await.unwrap().status, 200);
    gateway.never_trapped().await.unwrap();
}
