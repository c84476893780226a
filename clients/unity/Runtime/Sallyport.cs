// Host and join from a game in C#, by the program `sallyport sidecar` beside it: Unity, Godot's C#, or any .NET. No dependency. MIT licence.
//
//     var net = new Sallyport.Sidecar(new Sallyport.Options { Master = "sallyport://198.51.100.7:8430/#KEY" });   // or Fake = true
//     string code = await net.HostAsync("30000");                  // the game listens on UDP 30000; friends type the code
//     IPEndPoint host = await net.JoinAsync("K7TQ9-RBWXM");        // the game connects to it, like 127.0.0.1:30000
//     net.Dispose();
//
// What fails throws a Sallyport.SallyportException with Code, What, Hint and Retryable. docs/interface.md has all commands and answers.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

namespace Sallyport
{
    /// <summary>All may be left out but one of Master, Fake and TokenFile.</summary>
    public sealed class Options
    {
        /// <summary>Default: the variable SALLYPORT, or "sallyport" of the path.</summary>
        public string Program;
        public string Master;
        /// <summary>Keep the key there: the same code each time. Default: nothing is written.</summary>
        public string StateDir;
        /// <summary>An internet in memory that all fake sidecars of this computer share.</summary>
        public bool Fake;
        public string FakeNat;
        public int FakePort;
        /// <summary>Start no sidecar, use the one that has written this.</summary>
        public string TokenFile;
    }

    /// <summary>Code is one of docs/library.md and docs/interface.md, or NO_SIDECAR or SIDECAR_GONE; Hint says what to do.</summary>
    public sealed class SallyportException : Exception
    {
        public readonly string Code, What, Hint;
        public readonly bool Retryable;

        public SallyportException(string code, string what, string hint, bool retryable) : base(code + ": " + what + " " + hint)
        {
            Code = code;
            What = what;
            Hint = hint;
            Retryable = retryable;
        }
    }

    /// <summary>One sidecar; it ends with this object, and with this process however that ends. Safe to use from several threads.</summary>
    public sealed class Sidecar : IDisposable
    {
        private const int StartSeconds = 20; // a slow disk and a cold start
        private const string StartHint = "Run \"sallyport sidecar\" in a terminal: it says why. Is the program named by SALLYPORT or Options.Program?";
        private readonly Task started;
        private Process process;
        private int port;
        private string token;

        /// <summary>Starts it and returns at once; what keeps it from coming up is thrown by the first call.</summary>
        public Sidecar(Options options)
        {
            started = Task.Run(() => Start(options));
        }

        /// <summary>Any command of /v1, its fields as JSON. The answer is a Dictionary of strings, doubles, bools, Lists and Dictionaries.</summary>
        public async Task<Dictionary<string, object>> CallAsync(string command, string fields)
        {
            await started.ConfigureAwait(false);
            return await Task.Run(() => Call(command, fields)).ConfigureAwait(false);
        }

        /// <summary>services: "30000", "64738/udp+tcp", "2456-2457". Answers the join code.</summary>
        public async Task<string> HostAsync(string services)
        {
            Dictionary<string, object> answer = await CallAsync("host", "{\"services\":" + Json.Quote(services) + "}").ConfigureAwait(false);
            return (string)answer["code"];
        }

        /// <summary>Where the game connects to.</summary>
        public async Task<IPEndPoint> JoinAsync(string code, int waitMs = 60000, string password = "")
        {
            string fields = "{\"target\":" + Json.Quote(code) + ",\"password\":" + Json.Quote(password) + ",\"waitMs\":" + waitMs.ToString(CultureInfo.InvariantCulture) + "}";
            Dictionary<string, object> answer = await CallAsync("join", fields).ConfigureAwait(false);
            string local = (string)answer["local"];
            if (local == "")
                throw new SallyportException("GAVE_UP", "There is no path yet.", "It goes on: look at it by StatsAsync, or end it by LeaveAsync.", true);
            int colon = local.LastIndexOf(':');
            return new IPEndPoint(IPAddress.Parse(local.Substring(0, colon)), int.Parse(local.Substring(colon + 1), CultureInfo.InvariantCulture));
        }

        /// <summary>"servers".</summary>
        public Task<Dictionary<string, object>> ListAsync() { return CallAsync("list", "{}"); }
        /// <summary>"profile": the own network.</summary>
        public Task<Dictionary<string, object>> CheckAsync() { return CallAsync("check", "{}"); }
        /// <summary>"joins" and "friends", each with its figures.</summary>
        public Task<Dictionary<string, object>> StatsAsync() { return CallAsync("stats", "{}"); }
        /// <summary>"connections", each with its ways.</summary>
        public Task<Dictionary<string, object>> PathsAsync() { return CallAsync("paths", "{}"); }
        public Task KickAsync(string friend) { return CallAsync("kick", "{\"friend\":" + Json.Quote(friend) + "}"); }
        public Task BanAsync(string friend) { return CallAsync("ban", "{\"friend\":" + Json.Quote(friend) + ",\"network\":false}"); }
        public Task LeaveAsync(int join) { return CallAsync("abort", "{\"join\":" + join.ToString(CultureInfo.InvariantCulture) + "}"); }
        public Task UnhostAsync() { return CallAsync("unhost", "{}"); }

        /// <summary>Ends hosting, joins and the sidecar; it takes a moment for it to say goodbye.</summary>
        public void Dispose()
        {
            try
            {
                started.Wait();
                if (process == null) return;
                Call("quit", "{}");
                if (process.WaitForExit(10000)) process.Dispose();
                else process.Kill();
            }
            catch (Exception)
            {
                if (process != null && !process.HasExited) process.Kill();
            }
            process = null;
        }

        private void Start(Options options)
        {
            if (options.TokenFile != null)
            {
                Read(options.TokenFile);
                return;
            }
            // A name that nobody can know before.
            string file = Path.Combine(Path.GetTempPath(), "sallyport-" + Guid.NewGuid().ToString("N") + ".json");
            ProcessStartInfo start = new ProcessStartInfo
            {
                FileName = First(options.Program, Environment.GetEnvironmentVariable("SALLYPORT"), "sallyport"),
                Arguments = Words(options, file),
                UseShellExecute = false,
                CreateNoWindow = true,
            };
            try
            {
                process = Process.Start(start);
            }
            catch (Exception problem)
            {
                throw new SallyportException("NO_SIDECAR", "The sidecar could not be started: " + problem.Message, StartHint, false);
            }
            Stopwatch watch = Stopwatch.StartNew();
            while (!File.Exists(file))
            {
                if (process.HasExited || watch.Elapsed.TotalSeconds > StartSeconds)
                    throw new SallyportException("NO_SIDECAR", "The sidecar has not come up.", StartHint, false);
                Thread.Sleep(10);
            }
            Read(file);
        }

        private static string Words(Options options, string file)
        {
            StringBuilder words = new StringBuilder("sidecar --quiet");
            Add(words, "--token-file", file);
            Add(words, "--with-pid", Process.GetCurrentProcess().Id.ToString(CultureInfo.InvariantCulture));
            if (options.Fake) words.Append(" --fake");
            else Add(words, "--master", options.Master);
            if (options.Fake) Add(words, "--fake-nat", options.FakeNat);
            if (options.Fake && options.FakePort != 0) Add(words, "--fake-port", options.FakePort.ToString(CultureInfo.InvariantCulture));
            Add(words, "--state-dir", options.StateDir);
            return words.ToString();
        }

        private static void Add(StringBuilder words, string flag, string value)
        {
            if (!string.IsNullOrEmpty(value)) words.Append(' ').Append(flag).Append(" \"").Append(value.Replace("\"", "")).Append('"');
        }

        private static string First(params string[] values)
        {
            foreach (string value in values)
                if (!string.IsNullOrEmpty(value)) return value;
            return "";
        }

        private void Read(string file)
        {
            Dictionary<string, object> told = (Dictionary<string, object>)Json.Parse(File.ReadAllText(file));
            port = new Uri((string)told["url"]).Port;
            token = (string)told["token"];
        }

        private Dictionary<string, object> Call(string command, string fields)
        {
            Dictionary<string, object> answer;
            try
            {
                answer = Ask(command, Encoding.UTF8.GetBytes(fields));
            }
            catch (Exception problem)
            {
                throw new SallyportException("SIDECAR_GONE", "The sidecar does not answer: " + problem.Message, "Start it anew; hosting and joins have ended with it.", true);
            }
            if ((bool)answer["ok"]) return answer;
            Dictionary<string, object> error = (Dictionary<string, object>)answer["error"];
            throw new SallyportException((string)error["code"], (string)error["what"], (string)error["hint"], (bool)error["retryable"]);
        }

        // HTTP/1.0, so the answer ends where the connection does.
        private Dictionary<string, object> Ask(string command, byte[] body)
        {
            using (TcpClient client = new TcpClient())
            {
                client.Connect(IPAddress.Loopback, port);
                NetworkStream stream = client.GetStream();
                string head = "POST /v1/" + command + " HTTP/1.0\r\nHost: 127.0.0.1:" + port + "\r\nAuthorization: Bearer " + token +
                    "\r\nContent-Type: application/json\r\nContent-Length: " + body.Length + "\r\n\r\n";
                byte[] bytes = Encoding.ASCII.GetBytes(head);
                stream.Write(bytes, 0, bytes.Length);
                stream.Write(body, 0, body.Length);
                using (StreamReader reader = new StreamReader(stream, Encoding.UTF8))
                {
                    string text = reader.ReadToEnd();
                    int end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
                    if (end < 0) throw new IOException("the answer is cut off");
                    return (Dictionary<string, object>)Json.Parse(text.Substring(end + 4));
                }
            }
        }
    }

    /// <summary>JSON as the sidecar speaks it.</summary>
    public static class Json
    {
        public static string Quote(string text)
        {
            StringBuilder to = new StringBuilder("\"");
            foreach (char c in text)
            {
                if (c == '"' || c == '\\') to.Append('\\').Append(c);
                else if (c < ' ') to.Append("\\u").Append(((int)c).ToString("x4", CultureInfo.InvariantCulture));
                else to.Append(c);
            }
            return to.Append('"').ToString();
        }

        public static object Parse(string text)
        {
            int at = 0;
            return Value(text, ref at);
        }

        private static void Space(string text, ref int at)
        {
            while (at < text.Length && char.IsWhiteSpace(text[at])) at++;
        }

        private static object Value(string text, ref int at)
        {
            Space(text, ref at);
            if (at >= text.Length) throw new FormatException("JSON is cut off");
            char c = text[at];
            if (c == '"') return Text(text, ref at);
            if (c == '{') return Members(text, ref at);
            if (c == '[') return Items(text, ref at);
            int begin = at;
            while (at < text.Length && ",]} \r\n\t".IndexOf(text[at]) < 0) at++;
            string word = text.Substring(begin, at - begin);
            if (word == "true") return true;
            if (word == "false") return false;
            if (word == "null") return null;
            return double.Parse(word, CultureInfo.InvariantCulture);
        }

        private static Dictionary<string, object> Members(string text, ref int at)
        {
            Dictionary<string, object> members = new Dictionary<string, object>();
            at++;
            Space(text, ref at);
            while (text[at] != '}')
            {
                string name = Text(text, ref at);
                Space(text, ref at);
                at++;
                members[name] = Value(text, ref at);
                Space(text, ref at);
                if (text[at] == ',') at++;
                Space(text, ref at);
            }
            at++;
            return members;
        }

        private static List<object> Items(string text, ref int at)
        {
            List<object> items = new List<object>();
            at++;
            Space(text, ref at);
            while (text[at] != ']')
            {
                items.Add(Value(text, ref at));
                Space(text, ref at);
                if (text[at] == ',') at++;
                Space(text, ref at);
            }
            at++;
            return items;
        }

        private static string Text(string text, ref int at)
        {
            const string From = "bfnrt", Into = "\b\f\n\r\t";
            StringBuilder to = new StringBuilder();
            at++;
            while (text[at] != '"')
            {
                char c = text[at++];
                if (c == '\\')
                {
                    c = text[at++];
                    int known = From.IndexOf(c);
                    if (c == 'u')
                    {
                        c = (char)int.Parse(text.Substring(at, 4), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                        at += 4;
                    }
                    else if (known >= 0) c = Into[known];
                }
                to.Append(c);
            }
            at++;
            return to.ToString();
        }
    }
}
