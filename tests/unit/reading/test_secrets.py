"""What is taken for a credential, what is not, and that masking knows the same."""

import shlex

import pytest

from hardentui.reading.masking import WITHHELD, mask_document, mask_text
from hardentui.reading.secrets import secret_pair, secrets_in_pairs, secrets_in_words

_LETTERS = "Ab3dEf6hIj9kLm2nOp5qRs8tUv1wXy4zAb3dEf6hIj9kLm2nOp5q"
_PEM = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n-----END OPENSSH PRIVATE KEY-----"
CREDENTIALS = (
    "traefik.http.middlewares.a.basicauth.users=shop:correct-horse",
    "traefik.http.middlewares.a.digestauth.users=shop:traefik:a2688e031edb4be6a3797f3882655c05",
    "DATABASE=postgres://shop:correct-horse@db/shop",
    "BROKER=amqp://:correct-horse@mq",
    "ODBC=Server=db;Uid=shop;Pwd=correct-horse;",
    "JDBC=jdbc:postgresql://db/shop?user=shop&password=correct-horse",
    "LIBPQ=host=db user=shop password=correct-horse",
    'SETTINGS={"user": "shop", "db_password": "correct-horse"}',
    "SETTINGS=user: shop\npassword: correct-horse\n",
    'DOCKER_CONFIG_JSON={"auths": {"registry.example": {"auth": "c2hvcDpjb3JyZWN0LWhvcnNl"}}}',
    f"SSH={_PEM}",
    f"CLOUD=AKIA{_LETTERS[:16].upper()}",
    f"MAPS=AIza{_LETTERS[:35]}",
    f"STORE=DefaultEndpointsProtocol=https;AccountKey={_LETTERS}==;EndpointSuffix=core",
    f"CODE=ghp_{_LETTERS[:36]}",
    f"CODE=glpat-{_LETTERS[:20]}",
    f"NPM=npm_{_LETTERS[:36]}",
    f"CHAT=xoxb-{_LETTERS[:24]}",
    f"PAY=sk_live_{_LETTERS[:24]}",
    f"MAIL=SG.{_LETTERS[:22]}.{_LETTERS[:43]}",
    f"AI=sk-proj-{_LETTERS[:40]}",
    f"VAULT=hvs.{_LETTERS[:24]}",
    f"BOT=123456789:{_LETTERS[:35]}",
    f"SESSION=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.{_LETTERS[:20]}",
    "HEADER=Authorization: Basic c2hvcDpjb3JyZWN0LWhvcnNl",
    f"AUTH=Bearer {_LETTERS[:30]}",
    "NETRC=machine example.org login shop password correct-horse",
    "PGPASSWORD=correct-horse",
    "SSHPASS=correct-horse",
    "REDISCLI_AUTH=correct-horse",
    "DB_PASSWORD=123456",
    f"APP_KEY=base64:{_LETTERS[:43]}=",
    f"AUTH_SALT={_LETTERS[:32]}",
    "WORDPRESS_NONCE_SALT=correct-horse{battery}",
    "COOKIE_KEY=k3J9x!vQ2m#8Lz0Wp4RtY7uBn5Cs1DfG",
    "COOKIE_KEY=9f86d081884c7d659a2feaa0c55ad015",
    "WIREGUARD_PSK=correct-horse",
    "NEO4J_AUTH=neo4j/correct-horse",
    "LDAP_BINDPW=correct-horse",
    "DBPW=correct-horse",
    "ROOTPASS=correct-horse",
    f"WG_PRIVKEY={_LETTERS[:43]}=",
    "JAVA_OPTS=-Xmx1g -Djavax.net.ssl.keyStorePassword=correct-horse",
    "CATALINA_OPTS=-Ddb.api-key=correct-horse -server",
    f"ARGS=tunnel run --token {_LETTERS}",
    "EXTRA_ARGS=--verbose --admin-password=correct-horse",
    "DB_KENNWORT=correct-horse",
    "BASIC_AUTH=shop:correct-horse",
    "SFTP_USERS=shop:correct-horse:1001",
    "AUTH_USERS=shop:correct-horse,anna:battery-staple",
    "DSN=shop:correct-horse@tcp(db:3306)/shop",
    "DATABASE=shop:correct-horse@unix(/run/mysqld.sock)/shop",
    "HOMEBRIDGE_PIN=031-45-154",
    "ALARM_PIN=47110",
    "DB_PASS_B64=Y29ycmVjdC1ob3JzZQ==",
    f"SSH=LS0tLS1CRUdJTiBPUEVOU1NIIFBSSVZBVEUgS0VZLS0tLS0K{_LETTERS}",
    f"KUBECONFIG_DATA=YXBpVmVyc2lvbjogdjEKa2luZDogQ29uZmln{_LETTERS}",
    f"ALERTS=https://chat.example/webhookb2/1@2/IncomingWebhook/{_LETTERS[:32]}/3",
    f"CHAT_WEBHOOK_URL=https://chat.example/hooks/{_LETTERS[:26]}1x",
    "FERNET_KEY=correct-horse",
    "APP_KEY=correct-horse",
    "GITHUB_PAT=correct-horse",
    "SNMP_COMMUNITY=correct-horse",
    "RELEASE_COOKIE=correct-horse",
    "VAULT_DEV_ROOT_TOKEN_ID=correct-horse",
    "GOTIFY_APPTOKEN=correct-horse",
    "ZITADEL_MASTERKEY=correct-horse",
    "API_KEYS=correct-horse",
    "DB_PASSWORDS=correct-horse",
    f"traefik.users=admin:$apr1$Hx6uskkW${_LETTERS[:22]}",
)
HARMLESS = (
    "traefik.http.middlewares.a.basicauth.usersfile=/run/secrets/users",
    "AUTH=ldap",
    "BASIC_AUTH=true",
    "HTTP_AUTH=${USER}:${PASSWORD}",
    "AUTH_USERS=1000:1000",
    "PROXY_USER=1000:100",
    "GPIO_PIN=17",
    "CHAT_WEBHOOK_URL=https://chat.example/api/hook",
    "FILE_PAT=*.py",
    "CERTIFICATE=LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUJxekNDQVZH",
    "APP_KEYBOARD=de",
    "BYPASS=correct-horse",
    "COMPASS=correct-horse",
    "JAVA_OPTS=-Djavax.net.ssl.keyStore=/etc/store -Djavax.net.ssl.trustStorePasswordFile=/run/secrets/x",
    "JAVA_OPTS=-Dspring.password=${DB_PASSWORD}",
    "ARGS=run --token-ttl 36000000 --token-file /run/secrets/token --tokens 10000000",
    "ARGS=run --password /run/secrets/password --token $CI_JOB_TOKEN --key ./server.key",
    "PODMAN_ARGS=--secret db-password,mode=0400",
    "NEO4J_AUTH=none",
    "TOKEN_LIFETIME=3600",
    "ROW_KEY={customer}-{orderId2}-{Date}",
    "SORT_SEED=name!created2!DESC",
    "ACCESS_TOKEN_EXPIRE_MINUTES=30",
    "JWT_TOKEN_VALIDITY=15m",
    "TOKEN_REFRESH=300",
    "PASSWORD_HASHER=bcrypt",
    "PASSWORD_HASHERS=django.contrib.auth.hashers.Argon2PasswordHasher",
    "PASSWORD_ENCRYPTION=scram-sha-256",
    "DB_PASSWORD_FILE=/run/secrets/db",
    "TOKEN_FOLDER=uploads2024",
    "DB_PASSWORD=/run/secrets/db",
    "DB_PASSWORD=${DB_PASSWORD}",
    "DB_PASSWORD=$DB_PASSWORD",
    "DB_PASSWORD={{ vault_db_password }}",
    "DB_PASSWORD=<your password>",
    "API_KEY=your-api-key-here",
    "API_KEY=REPLACE_ME",
    "SECRET_KEY=vault:secret/data/shop#key",
    "DB_SECRET=arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop",
    "SECRET_MANAGER=aws",
    "MAX_TOKENS=4096",
    "GPG_KEY=7169605F62C751356D054A26A821E680E5FA6305",
    "PUBLIC_KEY=AAAAC3NzaC1lZDI1NTE5AAAAIGx5",
    "CACHE_KEY=shop_frontend_v2",
    "PRIMARY_KEY=customer_id",
    "SSH_HOST_KEY=ed25519",
    "IMAGE=sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "DATABASE=postgres://shop@db/shop",
    "ENDPOINT=https://auth.example.org/token?client=shop",
    "LOG_FORMAT=time=%t user=%u",
    'SETTINGS={"user": "shop", "token_type": "bearer"}',
    'SETTINGS={"password": "${DB_PASSWORD}"}',
)
LINES = (
    "redis-cli -a correct-horse ping",
    "mysqladmin ping -uroot -pcorrect-horse",
    "curl -u shop:correct-horse http://localhost/",
    "sh -c 'redis-cli -a correct-horse ping || exit 1'",
    "env PGPASSWORD=correct-horse psql",
    "ldapsearch -x -w correct-horse",
    "server --db-password correct-horse",
    "wget --header=Authorization:Bearer-correct-horse x",
    "mongosh -u root -p correct-horse",
    "sh -c 'while ! curl -u shop:correct-horse http://db; do sleep 1; done'",
    "sh -c 'if true; then mysqladmin -pcorrect-horse ping; fi'",
    "sh -c 'for x in 1 2; do redis-cli -a correct-horse; done'",
    "sh -c 'until mysqladmin -pcorrect-horse ping\ndo sleep 1; done'",
    "sh -ec 'set -e\nsleep 5\nredis-cli -a correct-horse ping'",
    "sh -c 'sleep 5;curl -u shop:correct-horse http://db'",
    "sh -c 'case x in x) redis-cli -a correct-horse ping;; esac'",
    "sh -c 'eval \"curl -fsSu shop:correct-horse http://db\"'",
    "curl -fsSu shop:correct-horse http://db",
    "curl -ushop:correct-horse http://db",
    "sh -c 'X=$(curl -u shop:correct-horse http://db) server'",
    "sh -c 'echo `redis-cli -a correct-horse get x`'",
    "sh -c '(sleep 5 && redis-cli -a correct-horse save) & server'",
)
SCRIPTS = (
    "echo correct-horse | docker login -u ci --password-stdin quay.io",
    "echo -n 'correct-horse battery'|podman login --username ci --password-stdin quay.io",
    "printf '%s' \"correct-horse\" | helm registry login --password-stdin -u ci r",
    "podman login -u ci --password-stdin quay.io <<< correct-horse",
    "echo root:correct-horse | chpasswd",
    "echo correct-horse | sudo -S systemctl restart x",
    "echo correct-horse | gpg --batch --passphrase-fd 0 -d f",
    "echo correct-horse | openssl rsa -passin stdin -in key",
    "openssl rsa -passin pass:correct-horse -in key",
    "echo -n correct-horse | cryptsetup luksOpen /dev/x y -",
    "htpasswd -bc /etc/nginx/users anna correct-horse",
    "htpasswd -nbB anna correct-horse > users",
    "docker login -u ci -p correct-horse quay.io",
    "az login --service-principal -u app -p correct-horse --tenant t",
    "mount -t cifs -o username=a,password=correct-horse //nas/s /m",
    'curl -f -H "X-Api-Key: correct-horse" http://localhost/',
)
HARMLESS_SCRIPTS = (
    'echo "$TOKEN" | docker login -u ci --password-stdin quay.io',
    "printf '%s' \"$(cat /run/secrets/t)\" | docker login --password-stdin quay.io",
    "echo `cat /run/secrets/t` | docker login --password-stdin quay.io",
    "cat /run/secrets/t | docker login -u ci --password-stdin quay.io",
    "docker login -u ci --password-stdin quay.io < /run/secrets/t",
    "docker login --password-stdin quay.io <<< $TOKEN",
    "echo logging in; cat /run/secrets/t | docker login --password-stdin quay.io",
    "echo logging in && docker login --password-stdin quay.io </run/secrets/t",
    "echo starting | tee /dev/stderr; docker login --password-stdin r < t",
    "echo done | sudo tee /var/log/x",
    "echo YES | cryptsetup luksFormat /dev/x /run/secrets/key",
    'echo "root:$PW" | chpasswd',
    "openssl rsa -passin file:/run/secrets/p -in key",
    "openssl rsa -passin env:PASS -in key",
    "htpasswd -i users anna < /run/secrets/p",
    "podman run -p 8080:80 docker.io/library/login",
    "docker login -u ci -p $TOKEN quay.io",
    "mount -t cifs -o username=a,credentials=/etc/cifs //nas/s /m",
    "mkdir -p /var/lib/login && server --port 8080",
    "echo pass: 3 | tee log",
)
HARMLESS_LINES = (
    "curl -Hauthority:shop http://db",
    "curl -fsSu $LOGIN http://db",
    "sh -c 'mysql -u root db\nls -p /srv'",
    "sh -c 'while ! curl -u $USER:$PASSWORD http://db; do sleep 1; done'",
    "sh -c 'for x in -a b; do grep -a word file; done'",
    "sh -c 'if ls -p /srv; then grep -w word file; fi'",
    "podman login --password-stdin registry",
    "server --password-file /run/secrets/db",
    "curl -u $USER:$PASSWORD http://localhost/",
    "mysqladmin ping -p$MYSQL_ROOT_PASSWORD",
    "grep -a -w word file",
    "ls -p /srv",
    "server --token-ttl 3600",
)


@pytest.mark.parametrize("pair", CREDENTIALS)
def test_a_credential_is_found_by_its_name_or_its_form(pair: str) -> None:
    assert secrets_in_pairs([pair])


@pytest.mark.parametrize("pair", HARMLESS)
def test_what_only_speaks_of_secrets_is_no_credential(pair: str) -> None:
    assert not secrets_in_pairs([pair])


@pytest.mark.parametrize("line", LINES)
def test_a_password_on_a_command_line_is_found(line: str) -> None:
    result = secrets_in_words(shlex.split(line))
    assert result
    assert not any("correct-horse" in secret for secret in result)


@pytest.mark.parametrize("line", HARMLESS_LINES)
def test_a_command_line_without_a_password_is_left_alone(line: str) -> None:
    assert not secrets_in_words(shlex.split(line))


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_password_in_a_script_is_found_and_masked(script: str) -> None:
    result = secrets_in_words(("sh", "-c", script))
    assert result
    assert "correct-horse" not in " ".join(result)
    masked = mask_document(["sh", "-c", script])
    assert "correct-horse" not in " ".join(masked)
    assert secrets_in_words(masked)


@pytest.mark.parametrize("script", HARMLESS_SCRIPTS)
def test_a_script_that_takes_its_password_from_elsewhere_is_left_alone(script: str) -> None:
    assert not secrets_in_words(("sh", "-c", script))


def test_what_follows_a_script_is_a_command_line_too() -> None:
    """`sh -c 'exec "$0" "$@"' mysql -psecret`, as entrypoints do."""
    words = ("sh", "-c", 'exec "$0" "$@"', "mysql", "-uroot", "-pcorrect-horse")
    assert len(secrets_in_words(words)) == 1
    assert "correct-horse" not in str(mask_document(list(words)))
    assert not secrets_in_words(("sh", "-c", 'exec "$0" "$@"', "mysqldump", "-uroot", "shop"))


@pytest.mark.parametrize("pair", CREDENTIALS)
def test_a_masked_text_says_nothing_and_gives_the_same_finding(pair: str) -> None:
    name, _, value = pair.partition("=")
    masked = mask_text(pair)
    assert "correct-horse" not in masked
    assert _LETTERS[:16] not in masked
    assert _LETTERS[:16].upper() not in masked
    assert masked != pair
    assert bool(secret_pair(name, masked.partition("=")[2])) == bool(secret_pair(name, value))


@pytest.mark.parametrize("line", LINES)
def test_command_lines_are_masked_as_words_and_as_a_text(line: str) -> None:
    assert "correct-horse" not in " ".join(mask_document(shlex.split(line)))
    assert "correct-horse" not in mask_text(line)


def test_words_without_a_password_stay_as_they_are() -> None:
    for line in HARMLESS_LINES:
        if "$" not in line and "ttl" not in line:
            assert WITHHELD not in mask_text(line)


@pytest.mark.parametrize(
    "line",
    [
        "RUN /bin/sh -c curl -u ci:correct-horse https://repo",
        "RUN |1 STAGE=a /bin/sh -c curl -u ci:correct-horse https://repo",
        "timeout 5s mysql -uroot -pcorrect-horse",
        "nice -n 5 redis-cli -a correct-horse ping",
        "valkey-server --requirepass correct-horse",
    ],
)
def test_what_stands_before_the_program_hides_no_password(line: str) -> None:
    assert len(secrets_in_words(line.split())) == 1
